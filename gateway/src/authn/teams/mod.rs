//! The way in of a tab in Microsoft Teams: the token that its page sends once, and the cookie that
//! it has from then on.

mod cookie;
mod entra;
mod tickets;

pub use cookie::TeamsCookie;
pub use entra::{EntraSettings, EntraTokens, TabRefusal, TabSignIn, Tenants};
pub use tickets::Tickets;
