//! Signing in at an `OpenID` provider: the code flow with PKCE, and nothing weaker.

mod callback;
mod claims;
mod client_auth;
mod client_key;
mod discovery;
mod exchange;
#[cfg(test)]
mod fake;
mod fault;
mod github;
mod id_token;
mod issuer_metadata;
mod keys;
mod logout;
mod logout_token;
mod overage;
mod provider;
mod revocation;
mod settings;
mod start;
mod tenants;
mod transaction;
mod userinfo;

pub use callback::CallbackParams;
pub use client_auth::basic;
pub use client_key::ClientKey;
pub use discovery::{Discovery, DiscoveryState, Metadata};
pub use exchange::ProviderTokens;
pub use fault::LoginFault;
pub use github::GithubApi;
pub use id_token::{Expected, IdToken, Nonce};
pub use issuer_metadata::IssuerMetadata;
pub use keys::{JwksLocation, KeyFault, KeySource, RemoteKeys};
pub use logout_token::{LogoutFault, LogoutToken};
pub use overage::{Overage, is_there as groups_left_out};
pub use provider::{
    FinishedLogin, Granted, Known, Provider, ProviderStatus, RefreshClass, RefreshFault, Reread,
};
pub use revocation::{RevocationFault, Revoker};
pub use settings::{
    AllowLists, FrontchannelLogout, Grant, LogoutPlace, Protocol, ProviderSettings,
};
pub use start::{StartLogin, StartedLogin};
pub use tenants::{IssuerName, Tenants};
pub use transaction::Transaction;
