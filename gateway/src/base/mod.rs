//! Floor 0: time, chance, names and secrets. Needs nothing of ours.

mod clock;
mod deadline;
mod entropy;
mod ids;
mod secret;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use deadline::Deadline;
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use ids::{IssuerId, KeyId, ProviderId, RequestId, RouteId, UpstreamId};
pub use secret::Secret;
