//! Floor 0: time, chance, names and secrets. Needs nothing of ours.

mod clock;
mod deadline;
mod entropy;
mod ids;
#[cfg(test)]
pub(crate) mod schedule;
mod secret;
mod sync;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use deadline::Deadline;
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use ids::{IssuerId, KeyId, ProviderId, RequestId, RouteId, UpstreamId};
#[cfg(test)]
pub(crate) use schedule::{lock, lock_file, sleep, spawn, timeout};
pub use secret::Secret;
#[cfg(not(test))]
pub(crate) use sync::{lock, lock_file, sleep, spawn, timeout};
