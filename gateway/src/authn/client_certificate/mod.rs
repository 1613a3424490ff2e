//! The way in by a client certificate (mutual TLS).

mod rules;
mod way;

pub use rules::{CertificateRules, SubjectField};
pub use way::ClientCertificates;
