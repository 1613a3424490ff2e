//! The way in by a key that we made, and the keys themselves.

mod book;
mod file;
mod record;
mod request;
mod text;
mod way;

pub use book::{ApiKeyFault, ApiKeys, Listed};
pub use file::API_KEYS;
pub use record::{ApiKey, ApiKeyOwner, KeyRoutes, KeyState, NewApiKey};
pub use request::ApiKeyRequest;
pub use text::{ApiKeyId, PREFIX};
pub use way::ApiKeyWay;
