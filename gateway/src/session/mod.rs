//! Sessions: the record, the durable store, the manager, and the live streams bound to them.

mod circuits;
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
mod names;
mod one_time;
mod pace;
mod record;
mod redis;
mod renewal;
mod renewals;
#[cfg(test)]
mod schedules;
mod shared;
mod store;
mod stream;
mod touches;

#[cfg(test)]
pub(crate) use self::redis::server as redis_server;
pub use self::redis::{RedisServer, RedisSettings, RedisStore, look};
pub use embedded::{EmbeddedStore, UsedLinks};
pub use events::{EndCause, Ended};
pub use handle::{Handle, SessionKey, sid_of};
pub use horizon::Horizon;
pub use lifetime::Lifetimes;
pub use live::{LiveStreams, NOBODY, StreamsFull};
pub use manager::{Ends, Hot, Indexed, SessionManager, SessionPage, SessionSettings, Swept, Whose};
pub use memory::MemoryStore;
pub use one_time::OneTimeTokens;
pub use record::{NewSession, ProviderTokens, Session};
pub use renewal::{
    Described, FaultClass, Granted, RenewalFault, RenewalSettings, Renewed, Renewer,
};
pub use shared::{Breaker, Elsewhere, OneTime, SharedStore, SharedTries, Tried, Vitals};
pub use store::{Bars, IndexKey, SWEEP_BATCH, SessionStore, StoreError, StoredSession};
pub use stream::{AtEnd, Judgement, Opening, Standing, StreamTicket};
