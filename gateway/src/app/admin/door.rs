//! Who may: whoever comes through the socket as this user or root, or shows the token.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::admin::answer::no;
use crate::app::admin::router::Admin;
use crate::app::admin::socket::Peer;
use crate::base::Secret;
use crate::observe::audit;

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) enum Door {
    /// By the socket, which belongs to this user.
    Socket { owner: u32 },
    /// By the listener.
    Listener,
}

/// Who asks, for the audit log.
#[derive(Clone, Debug)]
pub(super) struct Caller(String);

/// Why somebody may not.
enum Denied {
    /// Another user of this machine.
    OtherUser(String),
    /// There is no token that would open it.
    NoToken(String),
    /// A token is needed, and was not shown.
    Unproven(String, &'static str),
}

const ROOT: u32 = 0;

impl Caller {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// For administrators only.
pub(super) async fn close(
    State((admin, door)): State<(Admin, Door)>,
    request: Request,
    next: Next,
) -> Response {
    let admitted = admit(&admin, door, &request);
    pass(admitted, request, next).await
}

/// For administrators only, once the operator has set a token: until then for whoever reaches it.
pub(super) async fn keep(
    State((admin, door)): State<(Admin, Door)>,
    request: Request,
    next: Next,
) -> Response {
    let admitted = match admit(&admin, door, &request) {
        Err(Denied::NoToken(by)) if is_by_address(&request) => Ok(Caller(by)),
        admitted => admitted,
    };
    pass(admitted, request, next).await
}

/// Whether the listener is called by its address. A page of another site can have its own name lead to
/// this listener, and is of the same site then; it cannot choose the name that the browser sends.
fn is_by_address(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<IpAddr>().is_ok()
    })
}

async fn pass(admitted: Result<Caller, Denied>, mut request: Request, next: Next) -> Response {
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(denied) => denied.answer(request.uri().path()),
    }
}

fn admit(admin: &Admin, door: Door, request: &Request) -> Result<Caller, Denied> {
    let Door::Socket { owner } = door else { return by_token(admin, request) };
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    by_user(owner, peer.and_then(|ConnectInfo(peer)| peer.uid))
}

fn by_user(owner: u32, peer: Option<u32>) -> Result<Caller, Denied> {
    match peer {
        Some(uid) if uid == owner || uid == ROOT => Ok(Caller(format!("uid {uid}"))),
        Some(uid) => Err(Denied::OtherUser(format!("uid {uid}"))),
        // Of whom the system says nothing is nobody.
        None => Err(Denied::OtherUser("unknown".to_owned())),
    }
}

fn by_token(admin: &Admin, request: &Request) -> Result<Caller, Denied> {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = address.map_or_else(|| "unknown".to_owned(), |ConnectInfo(it)| it.ip().to_string());
    let current = admin.reloader.current.load();
    let Some(token) = &current.loaded.config.server.admin.token else {
        return Err(Denied::NoToken(from));
    };
    let mut fields = request.headers().get_all(header::AUTHORIZATION).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Err(Denied::Unproven(from, "no token")),
        (Some(field), None)
            if shown(field).is_some_and(|shown| is(token.secret(), shown.expose())) =>
        {
            Ok(Caller(format!("token from {from}")))
        }
        _ => Err(Denied::Unproven(from, "wrong token")),
    }
}

/// What stands behind `Bearer`; or, since a browser knows no other way, the password behind `Basic`.
fn shown(field: &HeaderValue) -> Option<Secret<Vec<u8>>> {
    let field = field.as_bytes();
    let (scheme, rest) = field.split_at_checked(field.iter().position(|byte| *byte == b' ')?)?;
    let rest = rest.strip_prefix(b" ")?;
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(Secret::new(rest.to_vec()));
    }
    let pair = scheme.eq_ignore_ascii_case(b"basic").then(|| STANDARD.decode(rest).ok()).flatten();
    let pair = Secret::new(pair?);
    let colon = pair.expose().iter().position(|byte| *byte == b':')?;
    let password = pair.expose().get(colon.saturating_add(1)..)?;
    Some(Secret::new(password.to_vec()))
}

/// In constant time, whatever the lengths.
fn is(token: &Secret<String>, shown: &[u8]) -> bool {
    let sum = |text: &[u8]| digest(&SHA256, text);
    verify_slices_are_equal(sum(token.expose().as_bytes()).as_ref(), sum(shown).as_ref()).is_ok()
}

impl Denied {
    fn answer(self, path: &str) -> Response {
        let (by, cause) = match &self {
            Self::OtherUser(by) => (by, "another user"),
            Self::NoToken(by) => (by, "no token is set"),
            Self::Unproven(by, cause) => (by, *cause),
        };
        audit::admin_refused(by, path, cause);
        match self {
            Self::OtherUser(_) => {
                no(StatusCode::FORBIDDEN, "other_user", "only the gateway's own user and root may")
            }
            Self::NoToken(_) => no(
                StatusCode::FORBIDDEN,
                "socket_only",
                "this is had on the socket in the state directory; or set server.admin.token",
            ),
            Self::Unproven(..) => {
                let message = "show server.admin.token as `Authorization: Bearer`, or in a browser as \
                               the password";
                let answer = no(StatusCode::UNAUTHORIZED, "token_required", message);
                // A browser asks for the password where there is a page to look at.
                let scheme = if path == "/" { "Basic" } else { "Bearer" };
                let challenge = format!("{scheme} realm=\"portcullis admin\"");
                ([(header::WWW_AUTHENTICATE, challenge)], answer).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_user_is_refused_at_the_socket() {
        for uid in [993, ROOT] {
            assert!(by_user(993, Some(uid)).is_ok_and(|by| by.as_str() == format!("uid {uid}")));
        }
        assert!(matches!(by_user(993, Some(994)), Err(Denied::OtherUser(_))));
        assert!(matches!(by_user(993, None), Err(Denied::OtherUser(_))));
    }

    #[test]
    fn a_token_stands_behind_one_of_two_schemes() {
        let read = |field: &'static str| {
            let shown = shown(&HeaderValue::from_static(field))?;
            String::from_utf8(shown.expose().clone()).ok()
        };
        assert_eq!(read("Bearer t:k").as_deref(), Some("t:k"));
        assert_eq!(read("bearer t").as_deref(), Some("t"));
        // admin:t:k
        assert_eq!(read("Basic YWRtaW46dDpr").as_deref(), Some("t:k"));
        for odd in ["Bearer", "Basic", "Basic !", "Basic YWRtaW4=", "Digest t", ""] {
            assert_eq!(read(odd), None, "{odd}");
        }
        let token = Secret::from("right");
        assert!(is(&token, b"right") && !is(&token, b"right ") && !is(&token, b""));
    }
}
