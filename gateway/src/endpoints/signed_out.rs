//! Where a sign-out ends. It signs nobody in again by itself.

use http::StatusCode;

use crate::endpoints::answer::{LOGIN, LOGOUT, Notice, reads, wrong_method};
use crate::endpoints::logout_state::CameBack;
use crate::endpoints::service::Endpoints;
use crate::web::{Reply, Request};

impl Endpoints {
    /// `GET /.portcullis/signed-out`. Sets no cookie: one that it cleared could be that of a login
    /// in another tab a moment ago, and a handle without a session opens nothing.
    ///
    /// That somebody comes back from the provider does not say that they signed out there: at most
    /// providers one can also say no.
    pub(super) async fn signed_out(&self, request: &Request<'_>) -> Reply {
        if !reads(request) {
            return wrong_method(request, "GET, HEAD");
        }
        if matches!(self.session_of(request).await, Ok(Some(_))) {
            let notice = Notice {
                status: StatusCode::OK,
                code: "signed_in",
                title: "You are signed in",
                sentence: "There is a session in this browser.",
                hint: "",
                action: ("Sign out", LOGOUT),
            };
            return notice.reply(request);
        }
        let came_back = self.came_back(request);
        let hint = match &came_back {
            CameBack::From(provider) => {
                let provider = self.provider(provider.as_str());
                let name =
                    provider.map_or("The provider", |it| it.settings().display_name.as_str());
                format!("{name} has sent you back. On a shared device, close the browser as well.")
            }
            CameBack::Silent => "On a shared device, close the browser as well.".to_owned(),
            CameBack::Stranger => {
                "Whether your sign-in provider has ended its own session is not known: sign out \
                 there as well, and on a shared device close the browser."
                    .to_owned()
            }
        };
        let notice = Notice {
            status: StatusCode::OK,
            code: "signed_out",
            title: "You are signed out",
            sentence: "Your session here has ended.",
            hint: &hint,
            action: ("Sign in again", LOGIN),
        };
        let reply = notice.reply(request);
        match came_back {
            // What an app has written since the sign-out goes as well.
            CameBack::From(_) => self.clearing(reply),
            CameBack::Silent | CameBack::Stranger => reply,
        }
    }
}
