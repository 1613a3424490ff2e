//! Host, path and method patterns, and the table that finds the most specific one.

mod pattern;
mod table;

pub use pattern::{HostPattern, Methods, PathPattern, Pattern, PatternFault};
pub use table::{Found, Table, Tie};
