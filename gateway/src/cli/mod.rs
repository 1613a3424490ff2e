//! The command line: one file per subcommand.

mod certs;
mod check;
mod demo;
mod keys;
mod link_keys;
mod options;
mod run;
mod schema;
mod sign_url;
mod users;

pub use options::Options;
