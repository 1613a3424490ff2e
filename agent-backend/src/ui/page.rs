//! Serving the page's files, under a policy that runs no script but these.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::caller::Verified;

/// Every address with its method; a test walks them without a token.
pub const ROUTES: [(&str, &str); FILES.len()] = {
    let mut routes = [("GET", ""); FILES.len()];
    let mut index = 0;
    while index < FILES.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
        {
            routes[index].1 = FILES[index].0;
        }
        index += 1;
    }
    routes
};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("assets/index.html")),
    ("/assets/page.css", CSS, include_str!("assets/page.css")),
    ("/assets/chat.css", CSS, include_str!("assets/chat.css")),
    ("/assets/main.js", SCRIPT, include_str!("assets/main.js")),
    ("/assets/transport.js", SCRIPT, include_str!("assets/transport.js")),
    ("/assets/messages.js", SCRIPT, include_str!("assets/messages.js")),
    ("/assets/cards.js", SCRIPT, include_str!("assets/cards.js")),
    ("/assets/session.js", SCRIPT, include_str!("assets/session.js")),
    ("/assets/token.js", SCRIPT, include_str!("assets/token.js")),
    ("/assets/dom.js", SCRIPT, include_str!("assets/dom.js")),
];

/// Nothing but our own files. `form-action` is left out on purpose: signing out posts a form to the
/// gateway, which may redirect to the identity provider, and browsers apply `form-action` to
/// redirects as well. Who may frame the page is for the gateway to say.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'";

/// The page and its files. They do nothing without a caller that was put in front of them.
pub fn routes() -> Router {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move |_: Verified| async move { file(kind, text) }))
    })
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    (headers, text)
}
