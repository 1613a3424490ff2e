//! Audit events: one for each thing that happens to a session, and for each "no".
//!
//! They go to the log under the target `audit`. A line holds names and reasons, never a credential.

use std::net::IpAddr;

use tracing::info;

/// A request was refused.
pub fn refused(request_id: &str, route: &str, code: &str, cause: &str, subject: Option<&str>) {
    info!(target: "audit", event = "request.refused", request_id, route, code, cause, subject, "request refused");
}

/// A session was asked for with a name and a password, from an address.
pub fn password_refused(request_id: &str, client: IpAddr, cause: &str) {
    info!(target: "audit", event = "password.refused", request_id, %client, cause, "password refused");
}

/// Somebody signed in.
pub fn signed_in(request_id: &str, provider: &str, issuer: &str, subject: &str, sid: &str) {
    info!(target: "audit", event = "session.started", request_id, provider, issuer, subject, sid, "signed in");
}

/// A login did not end in a session.
pub fn login_failed(request_id: &str, provider: &str, code: &str, cause: &str) {
    info!(target: "audit", event = "login.failed", request_id, provider, code, cause, "login failed");
}

/// A session ended.
pub fn session_ended(sid: &str, issuer: &str, subject: &str, cause: &str) {
    info!(target: "audit", event = "session.ended", sid, issuer, subject, cause, "session ended");
}

/// A session's time is over.
pub fn session_over(sid: &str, cause: &str) {
    info!(target: "audit", event = "session.ended", sid, cause, "session ended");
}

/// The configuration was loaded again, or not.
pub fn reloaded(generation: u64, fault: Option<&str>) {
    match fault {
        None => info!(target: "audit", event = "config.loaded", generation, "configuration loaded"),
        Some(fault) => {
            tracing::error!(target: "audit", event = "config.refused", generation, fault, "configuration refused; the old one stays");
        }
    }
}

/// An administrator did something, or tried to; `fault` says why it was not done.
pub fn admin_action(by: &str, action: &str, target: &str, count: usize, fault: Option<&str>) {
    info!(target: "audit", event = "admin_action", by, action, target, count, fault, "administrator");
}

/// Somebody who showed no right to it asked for what only administrators get.
pub fn admin_refused(by: &str, path: &str, cause: &str) {
    info!(target: "audit", event = "admin_refused", by, path, cause, "administration refused");
}

/// The token signing keys, or which of them are published, changed. `keys list` shows them.
pub fn keys_rotated() {
    info!(target: "audit", event = "keys.changed", "signing keys changed");
}
