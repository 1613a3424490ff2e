//! The command line: one file per subcommand.

mod certs;
mod check;
mod demo;
mod keys;
mod options;
mod run;
mod schema;
mod users;

pub use options::Options;
