//! Names that must not be confused with each other, so that no bare string stands for two things.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::base::entropy::Entropy;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A configured issuer of access tokens: the key of `[issuers.<id>]`.
    IssuerId
}
name! {
    /// A signing key's `kid`.
    KeyId
}
name! {
    /// A configured identity provider: the key of `[providers.<id>]`.
    ProviderId
}
name! {
    /// A configured route: its `name`, or its pattern when it has none.
    RouteId
}
name! {
    /// A configured upstream: the key of `[upstreams.<id>]`.
    UpstreamId
}

/// One request's id: in the answer, the logs, the audit and the minted token (`txn`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// A new id of 128 random bits.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(entropy.name::<16>()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self(text)
    }

    /// 32 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Without a table: a look-up would be checked, this is not branched on.
const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}
