//! The command line: one file per subcommand.

pub mod check;
pub mod keys;
pub mod schema;
