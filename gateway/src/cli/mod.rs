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

pub use options::Options;
