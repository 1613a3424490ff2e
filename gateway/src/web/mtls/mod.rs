//! Client certificates (mutual TLS): who is believed, which site asks for them, and what one says.

mod certificate;
mod name;
mod sites;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trust;

pub use certificate::{ClientCertificate, UnreadableCertificate};
pub use sites::{Negotiated, OtherSite, Site, SiteTable};
pub use trust::{ClientTrust, TrustFault, TrustFiles};
