//! The programs that may send people here.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::base::Secret;

/// A registered client.
#[derive(Clone, Debug)]
pub struct DemoClient {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: Secret<String>,
    /// Where codes may be sent; compared byte for byte.
    pub redirect_uris: Vec<String>,
    /// Where people may be sent after signing out; compared byte for byte.
    pub post_logout_redirect_uris: Vec<String>,
}

impl DemoClient {
    /// Whether `secret` is this client's.
    pub(super) fn knows(&self, secret: &str) -> bool {
        verify_slices_are_equal(self.secret.expose().as_bytes(), secret.as_bytes()).is_ok()
    }
}
