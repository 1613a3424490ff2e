//! The identity token: keys, rotation, minting.

mod chainlit;
mod claims;
mod documents;
mod kept;
mod keyring;
mod minter;
mod plan;
mod ring;
mod signer;
mod stored;

pub use documents::Document;
pub use keyring::{Keyring, KeyringFault};
pub use minter::{ClaimSizes, MintError, MintedToken, Minter, TokenTimes};
pub use plan::{PlanId, RequestFacts, TokenForm, TokenPlan, Transport};
pub use ring::{Ring, RingFault, RingKey, Rotated, Rotation};
pub use signer::{SharedSecret, Signer};
