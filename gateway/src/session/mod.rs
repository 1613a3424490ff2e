//! Sessions: the record, the durable store, the manager, and the live streams bound to them.

mod embedded;
mod events;
mod fence;
mod flights;
mod handle;
mod horizon;
mod lifetime;
mod live;
mod manager;
mod memory;
mod pace;
mod record;
mod redis;
#[cfg(test)]
mod schedules;
mod shared;
mod store;
mod touches;

pub use self::redis::{RedisServer, RedisSettings, RedisStore, look};
pub use embedded::{EmbeddedStore, UsedLinks};
pub use events::{EndCause, Ended};
pub use handle::{Handle, SessionKey, sid_of};
pub use horizon::Horizon;
pub use lifetime::Lifetimes;
pub use live::{LiveStreams, NOBODY, StreamTicket, StreamsFull};
pub use manager::{Ends, Hot, SessionManager, SessionPage, SessionSettings, Swept, Whose};
pub use memory::MemoryStore;
pub use record::{NewSession, ProviderTokens, Session};
pub use shared::{Breaker, OneTime, SharedStore, Vitals};
pub use store::{Owner, SWEEP_BATCH, SessionStore, StoreError, StoredSession};
