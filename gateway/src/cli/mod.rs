//! The command line: one file per subcommand.

mod api_keys;
mod certs;
mod check;
mod control;
mod demo;
mod keys;
mod link_keys;
mod options;
mod presets;
mod run;
mod schema;
mod sessions;
mod sign_url;
mod users;
mod verify_upstream;

pub use options::Options;
