//! Signing in at an `OpenID` provider: the code flow with PKCE, and nothing weaker.

mod callback;
mod claims;
mod discovery;
mod exchange;
#[cfg(test)]
mod fake;
mod fault;
mod id_token;
mod issuer_metadata;
mod keys;
mod logout;
mod logout_token;
mod provider;
mod settings;
mod start;
mod transaction;
mod userinfo;

pub use callback::CallbackParams;
pub use discovery::{Discovery, DiscoveryState, Metadata};
pub use exchange::{ProviderTokens, basic};
pub use fault::LoginFault;
pub use id_token::{Expected, IdToken};
pub use issuer_metadata::IssuerMetadata;
pub use keys::{JwksLocation, KeyFault, KeySource, RemoteKeys};
pub use logout_token::{LogoutFault, LogoutToken};
pub use provider::{FinishedLogin, Provider, ProviderStatus};
pub use settings::{AllowLists, ProviderSettings};
pub use start::{StartLogin, StartedLogin};
pub use transaction::Transaction;
