//! The gateway's own pages, one file each, under one reserved prefix.

mod answer;
mod app;
mod backchannel;
mod browser;
mod callback;
mod csrf;
mod documents;
mod entry;
mod failure;
mod farewell;
mod frontchannel;
mod link;
mod login;
mod login_loop;
mod logout;
mod logout_state;
mod me;
mod memory;
mod original;
mod password;
mod proxy_paths;
mod service;
mod session_script;
mod signed_out;
mod state;
mod teams;
#[cfg(test)]
mod tests;
mod tokens;
mod verify;

pub use app::AppCookies;
pub use farewell::LogoutParts;
pub use memory::LoginMemory;
pub use original::{Dialect, Said};
pub use service::{EndpointParts, Endpoints};
pub use teams::Tabs;
pub use tokens::{NotTheirs, kept, provider_of, to_keep};
pub use verify::VerifyRules;
