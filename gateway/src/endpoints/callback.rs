//! Where the provider sends the browser back to.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::base::Timestamp;
use crate::endpoints::answer::{Notice, reads, wrong_method};
use crate::endpoints::browser::Mark;
use crate::endpoints::failure::Stopped;
use crate::endpoints::service::Endpoints;
use crate::endpoints::state;
use crate::endpoints::tokens::to_keep;
use crate::identity::WayIn;
use crate::oidc::{CallbackParams, FinishedLogin, LoginFault, Provider, Transaction};
use crate::session::{NewSession, StoreError};
use crate::web::{Reply, Request, ReturnTo};

impl Endpoints {
    /// `GET /.portcullis/callback/<provider>`.
    pub(super) async fn callback(&self, name: &str, request: &Request<'_>) -> Reply {
        let Some(provider) = self.provider(name) else {
            return Notice::NOT_FOUND.reply(request);
        };
        if *request.method == Method::POST {
            return form_post(request);
        }
        if !reads(request) {
            return wrong_method(request, "GET, HEAD");
        }
        let root = ReturnTo::root();
        let params = match CallbackParams::parse(request.query.unwrap_or_default()) {
            Ok(params) => params,
            Err(fault) => return self.login_fault(request, provider.id(), &fault, &root),
        };
        let begun = self.mark_of(request).and_then(|mark| {
            let transaction = state::open(&self.parts.sealer, &mark, &params.state)?;
            Some((mark, transaction))
        });
        let Some((mark, transaction)) = begun else {
            let stopped = (Stopped::OtherBrowser, "the state was not sealed for this browser");
            return self.login_stopped(request, provider.id(), stopped, &root);
        };
        // Proven again: a target that was fine when the login began may be ours to refuse by now.
        let return_to = ReturnTo::parse(&transaction.return_to).unwrap_or_else(ReturnTo::root);
        let login = match self.redeem(provider, &params, &transaction).await {
            Ok(login) => login,
            Err(Undone::Replayed) => {
                let stopped = (Stopped::Replayed, "the state was used before");
                return self.login_stopped(request, provider.id(), stopped, &return_to);
            }
            Err(Undone::Store(fault)) => {
                let cause = fault.to_string();
                let stopped = (Stopped::StoreFailed, cause.as_str());
                return self.login_stopped(request, provider.id(), stopped, &return_to);
            }
            Err(Undone::Login(fault)) => {
                return self.login_fault(request, provider.id(), &fault, &return_to);
            }
        };
        if let Some(route) = &transaction.route {
            self.parts.logins.recent.finished(&mark.towards(route), self.parts.clock.now());
        }
        self.welcome(request, provider, login, (&mark, &return_to)).await
    }

    /// Turns the callback into a login.
    async fn redeem(
        &self,
        provider: &Provider,
        params: &CallbackParams,
        transaction: &Transaction,
    ) -> Result<FinishedLogin, Undone> {
        if transaction.provider != *provider.id() {
            return Err(LoginFault::ProviderWrong(transaction.provider.to_string()).into());
        }
        let now = self.parts.clock.now();
        if !transaction.is_live(now) {
            return Err(LoginFault::TransactionExpired.into());
        }
        // Before anything is sent: of two requests with one state, one goes on.
        match self.parts.logins.spend(transaction, now).await {
            Ok(true) => {}
            Ok(false) => return Err(Undone::Replayed),
            Err(fault) => return Err(Undone::Store(fault)),
        }
        Ok(provider.finish(params, transaction).await?)
    }

    /// Begins the session and sends the person where they wanted to go.
    async fn welcome(
        &self,
        request: &Request<'_>,
        provider: &Provider,
        login: FinishedLogin,
        (mark, return_to): (&Mark, &ReturnTo),
    ) -> Reply {
        let leads_on = Reply::redirect(StatusCode::SEE_OTHER, return_to.as_str())
            .with("referrer-policy", "no-referrer");
        let name = provider.id().as_str();
        let new = new_session(provider, login, self.parts.clock.now());
        let signed_in = self.sign_in(request, new, (name, leads_on));
        match signed_in.await {
            Ok(reply) => {
                self.parts.logins.recent.finished(mark, self.parts.clock.now());
                reply
            }
            Err(fault) => {
                let stopped = (Stopped::StoreFailed, &*fault.to_string());
                self.login_stopped(request, provider.id(), stopped, return_to)
            }
        }
    }
}

/// Why a callback became no login.
enum Undone {
    Login(LoginFault),
    /// It was turned into one before.
    Replayed,
    /// Nobody can say whether it was.
    Store(StoreError),
}

impl From<LoginFault> for Undone {
    fn from(fault: LoginFault) -> Self {
        Self::Login(fault)
    }
}

fn new_session(provider: &Provider, login: FinishedLogin, now: Timestamp) -> NewSession {
    NewSession {
        principal: Arc::new(login.principal),
        signed_in_by: WayIn::Oidc,
        provider: provider.id().clone(),
        auth_time: login.auth_time,
        auth_time_stated: login.auth_time_stated,
        acr: login.acr.map(Into::into),
        amr: login.amr.into(),
        acrs: login.acrs.into(),
        tokens: to_keep(login.tokens, now),
    }
}

/// A cross-site post does not bring the browser's mark (`SameSite=Lax`), so nothing could tell who
/// began the login; we never ask for `response_mode=form_post`.
fn form_post(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::BAD_REQUEST,
        code: "login_form_post",
        title: "Sign-in did not work",
        sentence: "The sign-in provider answered in a way that is not supported.",
        hint: "The provider's response mode must be \"query\".",
        action: ("", ""),
    };
    notice.reply(request)
}
