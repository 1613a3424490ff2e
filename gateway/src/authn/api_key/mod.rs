//! The way in by a key that we made, and the keys themselves.

mod book;
mod entry;
mod fault;
mod file;
mod parts;
mod record;
mod request;
mod text;
mod way;

pub use book::{ApiKeys, Listed};
pub use fault::ApiKeyFault;
pub use file::{API_KEYS, TAKEN_OVER_API_KEYS};
pub use parts::SHARED_API_KEYS;
pub use record::{ApiKey, ApiKeyOwner, KeyRoutes, KeyState, NewApiKey};
pub use request::ApiKeyRequest;
pub use text::{ApiKeyId, PREFIX};
pub use way::ApiKeyWay;
