//! The command line: one file per subcommand.

mod certs;
mod check;
mod demo;
mod keys;
mod link_keys;
mod options;
mod presets;
mod run;
mod schema;
mod sign_url;
mod users;
mod verify_upstream;

pub use options::Options;
