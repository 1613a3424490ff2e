//! What an application wants beside the request: who asks, in plain header fields; cookies that stay
//! apart by session; pages of its own for signing in and out.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Method};

use crate::authn::CookieNames;
use crate::crypto::{TAG_LEN, Tagger};
use crate::identity::{Authenticated, Fact, Permit, WayIn};
use crate::token::{MintedToken, TokenPlan};
use crate::web::cookie::{self, CookieValue, SameSite, SetCookie};
use crate::web::{AppCookie, CallerKind, CookiePattern, Request, Scheme, field_text, set_name};

/// What one route does for its application; none for most routes.
#[derive(Debug)]
pub struct AppPlan {
    /// Header fields that say a fact of the principal.
    pub fields: Vec<(HeaderName, Fact)>,
    /// How many entries of a list they say at most.
    pub max_groups: usize,
    /// Cookies that neither come from a client nor go to one: the gateway's to say.
    pub replaced: Vec<CookiePattern>,
    /// Cookies of the application that belong to one session.
    pub bound: Vec<CookiePattern>,
    /// Paths where a `POST` signs out of the application.
    pub logout: Vec<String>,
    /// Pages for signing in, to which nobody is sent back.
    pub login: Vec<String>,
    /// The first page, where people are sent instead.
    pub front: String,
    /// Which cookies are the gateway's own.
    pub own: CookieNames,
    /// Marks what the application set in a session.
    pub tagger: Tagger,
    /// Whose cookies they are: one application's are not another's.
    pub upstream: String,
}

/// What one permitted request takes along beside its token, and what its answer does.
#[derive(Debug)]
pub struct Told {
    /// Header fields that say who it is; each once.
    pub fields: Vec<(HeaderName, HeaderValue)>,
    /// The `Cookie` field for the application, in place of the client's.
    pub cookie: Option<HeaderValue>,
    /// `Set-Cookie` fields of ours, to be added to the answer.
    pub set_cookies: Vec<HeaderValue>,
    session: Vec<u8>,
    framed: bool,
}

/// The purpose of the tags.
const PURPOSE: &str = "cookie of an application";
/// A dot, and the tag as base64url: what a value is longer by.
const TAG_TEXT: usize = 1 + (TAG_LEN * 4).div_ceil(3);
/// How many cookies one answer removes; more were not set by an application.
const MOST_REMOVED: usize = 20;
/// In the name of the mark that a sign-out of the application leaves.
const LEFT: &str = "-signed-out";
/// How long a page that loads itself again after a sign-out leads to the signed-out page. Without it,
/// the provider would sign the person in again at once.
const JUST_NOW: Duration = Duration::from_secs(60);

impl AppPlan {
    /// Whether the plan changes nothing, on a route that is shown `framed` or not.
    pub fn is_idle(&self, framed: bool) -> bool {
        let cookies = !self.replaced.is_empty() || !self.bound.is_empty();
        let pages = !self.logout.is_empty() || !self.login.is_empty();
        self.fields.is_empty() && !cookies && !pages && !framed
    }

    /// What goes with a request that may pass.
    pub(super) fn tell(
        &self,
        request: &Request<'_>,
        permit: &Permit,
        token: Option<(&TokenPlan, &MintedToken)>,
    ) -> Told {
        let who = permit.authenticated();
        let session = session_of(who);
        Told {
            fields: self.facts(who),
            cookie: self.cookie(request, &session, token),
            set_cookies: self.removals(request, &session, is_framed(who)),
            framed: is_framed(who),
            session,
        }
    }

    /// Whether a request signs out of the application.
    pub fn signs_out(&self, method: &Method, path: &str) -> bool {
        *method == Method::POST && self.logout.iter().any(|own| own == path)
    }

    /// Whether the browser has signed out of the application a moment ago.
    pub(super) fn has_just_left(&self, request: &Request<'_>) -> bool {
        let name = mark_name(&self.own, request);
        name.is_some_and(|name| cookie::find(request.headers, &name) != CookieValue::Absent)
    }

    fn facts(&self, who: &Authenticated) -> Vec<(HeaderName, HeaderValue)> {
        if who.is_anonymous() {
            return Vec::new();
        }
        let said = |(name, fact): &(HeaderName, Fact)| {
            let mut value = field_text(&fact.of(who.principal(), self.max_groups)?)?;
            value.set_sensitive(true);
            Some((name.clone(), value))
        };
        self.fields.iter().filter_map(said).collect()
    }

    /// The client's cookies without ours and those that we say, with the application's own as it set
    /// them in this session, and with the token's.
    fn cookie(
        &self,
        request: &Request<'_>,
        session: &[u8],
        token: Option<(&TokenPlan, &MintedToken)>,
    ) -> Option<HeaderValue> {
        let ours = token.and_then(|(plan, token)| Some((plan.cookie.as_deref()?, token)));
        let special = |name: &str| {
            self.own.is_ours(name) || covered(&self.replaced, name) || covered(&self.bound, name)
        };
        let pass = |name: &str, value: &[u8]| {
            let bound = covered(&self.bound, name)
                && !self.own.is_ours(name)
                && !covered(&self.replaced, name);
            bound.then(|| self.unbound(session, name, value).map(<[u8]>::to_vec))?
        };
        let mut line = cookie::rewrite(request.headers, special, pass);
        if let Some((name, token)) = ours {
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(name.as_bytes());
            line.push(b'=');
            line.extend_from_slice(token.value.as_bytes());
        }
        if line.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(line)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Removes what belongs to another session, when a page is loaded. Such a cookie never reaches the
    /// application, removed or not; a script's request does not remove any, because another one may
    /// have set a new one meanwhile.
    fn removals(&self, request: &Request<'_>, session: &[u8], framed: bool) -> Vec<HeaderValue> {
        let navigates =
            matches!(request.caller_kind(), CallerKind::Navigation | CallerKind::IframeNavigation);
        if self.bound.is_empty() || !navigates {
            return Vec::new();
        }
        let own = |(name, _): &(&str, &[u8])| covered(&self.bound, name) && !self.own.is_ours(name);
        let (known, strange): (Vec<_>, Vec<_>) = cookie::all(request.headers)
            .filter(own)
            .partition(|(name, value)| self.unbound(session, name, value).is_some());
        // Beside one of this session, the browser could remove that one.
        let lone = |(name, _): &(&str, &[u8])| !known.iter().any(|(other, _)| other == name);
        let mut names: Vec<_> = strange.into_iter().filter(lone).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .take(MOST_REMOVED)
            .filter_map(|name| removal(name, request, framed))
            .collect()
    }

    /// The value as the application set it in this session; `None` for any other.
    fn unbound<'a>(&self, session: &[u8], name: &str, value: &'a [u8]) -> Option<&'a [u8]> {
        let at = value.len().checked_sub(TAG_TEXT)?;
        let (value, tag) = value.split_at_checked(at)?;
        let tag = URL_SAFE_NO_PAD.decode(tag.strip_prefix(b".")?).ok()?;
        let parts = [session, self.upstream.as_bytes(), name.as_bytes(), value];
        self.tagger.is_valid(PURPOSE, &parts, &tag).then_some(value)
    }

    /// What a client is sent of a `Set-Cookie` field of the application; `None` for nothing.
    pub fn relayed<'a>(&self, field: &'a [u8], told: &Told) -> Option<Cow<'a, [u8]>> {
        let name = set_name(field).unwrap_or_default();
        if covered(&self.replaced, name) {
            return None;
        }
        let bound = covered(&self.bound, name);
        if !bound && !told.framed {
            return Some(field.into());
        }
        // One that readers do not agree on is not one that could be bound.
        let Some(cookie) = AppCookie::parse(field).filter(|cookie| cookie.name == name) else {
            return (!bound).then(|| field.into());
        };
        // One without a value is about to be removed.
        if !bound || cookie.value.is_empty() {
            return Some(cookie.written(cookie.value, told.framed).into());
        }
        let parts = [&told.session, self.upstream.as_bytes(), cookie.name.as_bytes(), cookie.value];
        let tag = URL_SAFE_NO_PAD.encode(self.tagger.tag(PURPOSE, &parts)?);
        let value = [cookie.value, b".", tag.as_bytes()].concat();
        Some(cookie.written(&value, told.framed).into())
    }
}

/// The `Set-Cookie` that leaves the mark of a sign-out of the application.
pub fn left_mark(own: &CookieNames, request: &Request<'_>) -> Option<String> {
    let name = mark_name(own, request)?;
    let secure = request.scheme == Scheme::Https;
    let mark = SetCookie { secure, max_age: Some(JUST_NOW), ..SetCookie::new(&name, "1") };
    Some(mark.to_header())
}

/// Whether somebody is in a tab. In a window the application's own attributes are the stricter ones.
pub fn is_framed(who: &Authenticated) -> bool {
    who.way_in() == WayIn::Teams
}

/// The `Set-Cookie` fields that remove those of a browser's cookies that `patterns` cover, from a tab
/// where it is `framed`.
pub fn removed_cookies<'a>(
    patterns: impl Fn(&str) -> bool + 'a,
    request: &'a Request<'_>,
    framed: bool,
) -> impl Iterator<Item = HeaderValue> + 'a {
    let names = cookie::all(request.headers).map(|(name, _)| name);
    let names = names.filter(move |name| patterns(name));
    names.take(MOST_REMOVED).filter_map(move |name| removal(name, request, framed))
}

/// Browsers keep a tab's cookies apart, and remove there only what says that it is one of them.
fn removal(name: &str, request: &Request<'_>, framed: bool) -> Option<HeaderValue> {
    let cookie = SetCookie::new(name, "").removed();
    let cookie = if framed {
        SetCookie { same_site: SameSite::None, partitioned: true, ..cookie }
    } else {
        SetCookie { secure: request.scheme == Scheme::Https, ..cookie }
    };
    HeaderValue::try_from(cookie.to_header()).ok()
}

fn mark_name(own: &CookieNames, request: &Request<'_>) -> Option<String> {
    own.of(request.scheme, request.host).map(|name| format!("{name}{LEFT}"))
}

fn covered(patterns: &[CookiePattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.covers(name))
}

/// What a cookie is bound to: the session, or the principal where there is none.
fn session_of(who: &Authenticated) -> Vec<u8> {
    match who.session() {
        Some(session) => [b"s", &session.key[..]].concat(),
        None => {
            let who = who.principal();
            // A length in front, so that no issuer and subject read as another pair.
            let length = u64::try_from(who.issuer.len()).unwrap_or(u64::MAX).to_be_bytes();
            [b"p", &length[..], who.issuer.as_bytes(), who.subject.as_bytes()].concat()
        }
    }
}

#[cfg(test)]
mod tests;
