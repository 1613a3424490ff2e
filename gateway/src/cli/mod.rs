//! The command line: one file per subcommand.

mod api_keys;
mod certs;
mod check;
mod control;
mod demo;
mod keys;
mod link_keys;
mod options;
mod run;
mod schema;
mod sessions;
mod sign_url;
mod users;

pub use options::Options;
