//! What all pages share: their addresses, and the shape of a short answer.

use askama::Template;
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::base::ProviderId;
use crate::gate::Page;
use crate::web::{Reply, Request, ReturnTo};

pub(super) const BACKCHANNEL_LOGOUT: &str = "/.portcullis/backchannel-logout";
pub(super) const CALLBACK: &str = "/.portcullis/callback";
pub(super) const CLIENT_KEYS: &str = "/.portcullis/client-keys";
pub(super) const FRONTCHANNEL_LOGOUT: &str = "/.portcullis/frontchannel-logout";
pub(super) const LINK: &str = "/.portcullis/link";
pub(super) const LOGIN: &str = "/.portcullis/login";
pub(super) const LOGOUT: &str = "/.portcullis/logout";
pub(super) const ME: &str = "/.portcullis/me";
pub(super) const SESSION_SCRIPT: &str = "/.portcullis/session.js";
pub(super) const SIGNED_OUT: &str = "/.portcullis/signed-out";
pub(super) const TEAMS: &str = "/.portcullis/teams";

/// The challenge of a 401: no registered scheme is a session, and a name that no browser knows
/// keeps it from asking for a password.
pub(super) const CHALLENGE: &str = "Portcullis realm=\"session\"";

const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// One thing to say: a page for a person, a JSON document for a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice<'a> {
    pub(super) status: StatusCode,
    /// The stable code.
    pub(super) code: &'a str,
    pub(super) title: &'a str,
    pub(super) sentence: &'a str,
    pub(super) hint: &'a str,
    /// A label and where it leads; an empty label is no action.
    pub(super) action: (&'a str, &'a str),
}

impl Notice<'_> {
    /// Nothing is at this address.
    pub(super) const NOT_FOUND: Self = Self {
        status: StatusCode::NOT_FOUND,
        code: "not_found",
        title: "Not found",
        sentence: "There is no page at this address.",
        hint: "",
        action: ("", ""),
    };

    /// The answer in the shape its caller can use.
    pub(super) fn reply(&self, request: &Request<'_>) -> Reply {
        if !wants_page(request) {
            let document = json!({
                "error": self.code,
                "message": self.sentence,
                "request_id": request.id.as_str(),
            });
            return data(self.status, &document);
        }
        let reference = format!("{} · {}", self.code, request.id);
        let page = Page {
            title: self.title,
            sentence: self.sentence,
            hint: self.hint,
            action: self.action,
            new_tab: false,
            // A number to quote is for what went wrong only.
            reference: if self.status.is_success() { "" } else { &reference },
        };
        Reply::html(self.status, page.html())
    }
}

/// JSON that is for this origin's own scripts only.
pub(super) fn data(status: StatusCode, document: &serde_json::Value) -> Reply {
    Reply::json(status, document)
        .with("x-content-type-options", "nosniff")
        .with("cross-origin-resource-policy", "same-origin")
}

/// A page from a template. Rendering writes into memory and cannot fail.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Reply {
    Reply::html(status, template.render().unwrap_or_default())
}

/// Whether a person looks at the answer. Browsers name HTML whenever they navigate, also with a
/// form; a script's `fetch` does not unless told to.
pub(super) fn wants_page(request: &Request<'_>) -> bool {
    request
        .headers
        .get_all("accept")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/html"))
}

/// The answer to a method that a page does not have.
pub(super) fn wrong_method(request: &Request<'_>, allowed: &'static str) -> Reply {
    let notice = Notice {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method_not_allowed",
        title: "That did not work",
        sentence: "This page cannot be used in this way.",
        hint: "",
        action: ("", ""),
    };
    notice.reply(request).with("allow", allowed)
}

/// Whether a request only reads.
pub(super) fn reads(request: &Request<'_>) -> bool {
    *request.method == Method::GET || *request.method == Method::HEAD
}

/// Where signing in begins, with one provider or whichever the page offers, and the way back.
pub(super) fn login_link(provider: Option<&ProviderId>, return_to: &ReturnTo) -> String {
    let back = utf8_percent_encode(return_to.as_str(), QUERY_VALUE);
    match provider {
        Some(provider) => format!("{LOGIN}/{provider}?return_to={back}"),
        None => format!("{LOGIN}?return_to={back}"),
    }
}
