//! Signing in from a tab in Microsoft Teams.

mod codes;
mod popup;
mod session;
mod ticket;

pub(super) use codes::PopupCodes;
pub use session::Tabs;
