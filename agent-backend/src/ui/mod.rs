//! The chat page: a handful of static files, built into the program.

mod page;

pub use page::{ROUTES, routes};
