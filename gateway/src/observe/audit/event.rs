//! The events. A record holds names and reasons, never a credential.

use std::net::IpAddr;

use serde::Serialize;

use crate::observe::audit::sink;

/// What happened. The name of a variant, in snake case, is the field `event`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    AdminAction {
        by: &'a str,
        action: &'a str,
        target: &'a str,
        count: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<&'a str>,
    },
    AdminRefused {
        by: &'a str,
        path: &'a str,
        cause: &'a str,
    },
    ConfigRefused {
        generation: u64,
        reason: &'a str,
    },
    ConfigReloaded {
        generation: u64,
    },
    KeyRotated,
    LoginDenied {
        request_id: &'a str,
        provider: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<IpAddr>,
        reason: &'a str,
        cause: &'a str,
    },
    LoginOk {
        request_id: &'a str,
        provider: &'a str,
        issuer: &'a str,
        subject: &'a str,
        sid: &'a str,
    },
    LogoutDenied {
        request_id: &'a str,
        provider: &'a str,
        by: &'a str,
        cause: &'a str,
    },
    PolicyDenied {
        request_id: &'a str,
        route: &'a str,
        code: &'a str,
        rule: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'a str>,
    },
    RefreshFailed {
        provider: &'a str,
        issuer: &'a str,
        subject: &'a str,
        sid: &'a str,
        class: &'a str,
        cause: &'a str,
    },
    RefreshOk {
        provider: &'a str,
        issuer: &'a str,
        subject: &'a str,
        sid: &'a str,
        changed: bool,
    },
    RequestRefused {
        request_id: &'a str,
        route: &'a str,
        code: &'a str,
        cause: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'a str>,
    },
    SessionEnded {
        sid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        issuer: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<&'a str>,
        reason: &'a str,
    },
    StreamClosed {
        request_id: &'a str,
        route: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sid: Option<&'a str>,
        subject: &'a str,
        reason: &'a str,
    },
}

impl Event<'_> {
    /// Whether an operator has to do something.
    pub(super) const fn is_error(&self) -> bool {
        match self {
            Self::ConfigRefused { .. } => true,
            Self::RefreshFailed { class, .. } => matches!(class.as_bytes(), b"misconfigured"),
            _ => false,
        }
    }

    /// The field `event`.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::AdminAction { .. } => "admin_action",
            Self::AdminRefused { .. } => "admin_refused",
            Self::ConfigRefused { .. } => "config_refused",
            Self::ConfigReloaded { .. } => "config_reloaded",
            Self::KeyRotated => "key_rotated",
            Self::LoginDenied { .. } => "login_denied",
            Self::LoginOk { .. } => "login_ok",
            Self::LogoutDenied { .. } => "logout_denied",
            Self::PolicyDenied { .. } => "policy_denied",
            Self::RefreshFailed { .. } => "refresh_failed",
            Self::RefreshOk { .. } => "refresh_ok",
            Self::RequestRefused { .. } => "request_refused",
            Self::SessionEnded { .. } => "session_ended",
            Self::StreamClosed { .. } => "stream_closed",
        }
    }

    /// The same for people.
    pub(super) const fn message(&self) -> &'static str {
        match self {
            Self::AdminAction { .. } => "administrator",
            Self::AdminRefused { .. } => "administration refused",
            Self::ConfigRefused { .. } => "configuration refused; the old one stays",
            Self::ConfigReloaded { .. } => "configuration loaded",
            Self::KeyRotated => "signing keys changed",
            Self::LoginDenied { .. } => "login denied",
            Self::LoginOk { .. } => "signed in",
            Self::LogoutDenied { .. } => "a provider's logout denied",
            Self::PolicyDenied { .. } => "denied by policy",
            Self::RefreshFailed { .. } => "tokens not refreshed",
            Self::RefreshOk { .. } => "tokens refreshed",
            Self::RequestRefused { .. } => "request refused",
            Self::SessionEnded { .. } => "session ended",
            Self::StreamClosed { .. } => "stream closed",
        }
    }
}

/// An administrator did something, or tried to; `fault` says why it was not done.
pub fn admin_action(by: &str, action: &str, target: &str, count: usize, fault: Option<&str>) {
    sink::record(&Event::AdminAction { by, action, target, count, fault });
}

/// Somebody who showed no right to it asked for what only administrators get.
pub fn admin_refused(by: &str, path: &str, cause: &str) {
    sink::record(&Event::AdminRefused { by, path, cause });
}

/// A request was refused. `by_policy`: somebody who is known may not do this.
pub fn refused(
    (request_id, route): (&str, &str),
    (code, cause): (&str, &str),
    subject: Option<&str>,
    by_policy: bool,
) {
    sink::record(&if by_policy {
        Event::PolicyDenied { request_id, route, code, rule: cause, subject }
    } else {
        Event::RequestRefused { request_id, route, code, cause, subject }
    });
}

/// A session was asked for with a name and a password, from an address. The name is not kept: it is
/// a password now and then.
pub fn password_refused(request_id: &str, client: IpAddr, cause: &str) {
    let (provider, reason, client) = ("password", "password_refused", Some(client));
    sink::record(&Event::LoginDenied { request_id, provider, client, reason, cause });
}

/// Somebody signed in.
pub fn signed_in(request_id: &str, provider: &str, issuer: &str, subject: &str, sid: &str) {
    sink::record(&Event::LoginOk { request_id, provider, issuer, subject, sid });
}

/// A login did not end in a session.
pub fn login_denied(request_id: &str, provider: &str, reason: &str, cause: &str) {
    sink::record(&Event::LoginDenied { request_id, provider, client: None, reason, cause });
}

/// The tokens of a session were refreshed; `changed`: its provider describes the person otherwise than
/// before.
pub fn refreshed(provider: &str, (issuer, subject): (&str, &str), sid: &str, changed: bool) {
    sink::record(&Event::RefreshOk { provider, issuer, subject, sid, changed });
}

/// The tokens of a session were not refreshed; `class` is a word for what follows.
pub fn refresh_failed(
    provider: &str,
    (issuer, subject): (&str, &str),
    sid: &str,
    (class, cause): (&str, &str),
) {
    sink::record(&Event::RefreshFailed { provider, issuer, subject, sid, class, cause });
}

/// A provider, or somebody in its name, said that somebody signed out, and was not believed. `by` is the
/// channel.
pub fn logout_denied(request_id: &str, provider: &str, by: &str, cause: &str) {
    sink::record(&Event::LogoutDenied { request_id, provider, by, cause });
}

/// A session ended, of somebody who is known.
pub fn session_ended(sid: &str, issuer: &str, subject: &str, reason: &str) {
    let (issuer, subject) = (Some(issuer), Some(subject));
    sink::record(&Event::SessionEnded { sid, issuer, subject, reason });
}

/// A session's time is over.
pub fn session_over(sid: &str, reason: &str) {
    sink::record(&Event::SessionEnded { sid, issuer: None, subject: None, reason });
}

/// The gateway closed a live stream.
pub fn stream_closed(
    (request_id, route): (&str, &str),
    (sid, subject): (Option<&str>, &str),
    reason: &str,
) {
    sink::record(&Event::StreamClosed { request_id, route, sid, subject, reason });
}

/// The configuration was loaded again, or not.
pub fn config_reloaded(generation: u64, fault: Option<&str>) {
    sink::record(&match fault {
        None => Event::ConfigReloaded { generation },
        Some(reason) => Event::ConfigRefused { generation, reason },
    });
}

/// The token signing keys, or which of them are published, changed. `keys list` shows them.
pub fn keys_rotated() {
    sink::record(&Event::KeyRotated);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_is_written() {
        let events = [
            Event::AdminAction { by: "b", action: "a", target: "t", count: 1, fault: None },
            Event::AdminRefused { by: "b", path: "/", cause: "c" },
            Event::ConfigRefused { generation: 2, reason: "x" },
            Event::ConfigReloaded { generation: 2 },
            Event::KeyRotated,
            Event::LoginDenied {
                request_id: "1",
                provider: "corp",
                client: None,
                reason: "x",
                cause: "y",
            },
            Event::LoginOk {
                request_id: "1",
                provider: "corp",
                issuer: "i",
                subject: "s",
                sid: "h",
            },
            Event::LogoutDenied { request_id: "1", provider: "corp", by: "b", cause: "c" },
            Event::PolicyDenied {
                request_id: "1",
                route: "r",
                code: "c",
                rule: "x",
                subject: None,
            },
            Event::RequestRefused {
                request_id: "1",
                route: "r",
                code: "c",
                cause: "x",
                subject: None,
            },
            Event::SessionEnded { sid: "h", issuer: None, subject: None, reason: "x" },
            Event::StreamClosed {
                request_id: "1",
                route: "r",
                sid: None,
                subject: "s",
                reason: "x",
            },
        ];
        for event in events.into_iter().chain(refreshes()) {
            assert_eq!(serde_json::to_value(event).unwrap()["event"], event.name());
            assert!(!event.message().is_empty());
        }
    }

    fn refreshes() -> [Event<'static>; 2] {
        [
            Event::RefreshFailed {
                provider: "corp",
                issuer: "i",
                subject: "s",
                sid: "h",
                class: "misconfigured",
                cause: "x",
            },
            Event::RefreshOk {
                provider: "corp",
                issuer: "i",
                subject: "s",
                sid: "h",
                changed: true,
            },
        ]
    }
}
