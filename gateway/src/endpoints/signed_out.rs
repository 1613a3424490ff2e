//! Where a sign-out ends. It signs nobody in again by itself.

use http::StatusCode;

use crate::endpoints::answer::{LOGIN, LOGOUT, Notice, reads, wrong_method};
use crate::endpoints::service::Endpoints;
use crate::web::{Reply, Request};

impl Endpoints {
    /// `GET /.portcullis/signed-out`. Sets no cookie: one that it cleared could be that of a login
    /// in another tab a moment ago, and a handle without a session opens nothing.
    pub(super) async fn signed_out(&self, request: &Request<'_>) -> Reply {
        if !reads(request) {
            return wrong_method(request, "GET, HEAD");
        }
        let signed_in = matches!(self.session_of(request).await, Ok(Some(_)));
        let notice = if signed_in {
            Notice {
                status: StatusCode::OK,
                code: "signed_in",
                title: "You are signed in",
                sentence: "There is a session in this browser.",
                hint: "",
                action: ("Sign out", LOGOUT),
            }
        } else {
            Notice {
                status: StatusCode::OK,
                code: "signed_out",
                title: "You are signed out",
                sentence: "Your session here has ended.",
                hint: "On a shared device, close the browser as well.",
                action: ("Sign in again", LOGIN),
            }
        };
        notice.reply(request)
    }
}
