//! A gateway with a provider before it and a recorder behind it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::support::browser::Browser;
use crate::support::gateway::Gateway;
use crate::support::http::Message;
use crate::support::provider::Provider;
use crate::support::raw::exchange;
use crate::support::recorder::Recorder;
use crate::support::settings::{HOST, Settings};

/// The site as a browser sees it.
pub(crate) const SITE: &str = "http://localhost";

/// Everything that a test needs around the gateway.
pub(crate) struct Lab {
    pub(crate) provider: Provider,
    pub(crate) recorder: Recorder,
    pub(crate) settings: Settings,
    pub(crate) gateway: Gateway,
}

impl Lab {
    /// The standard house.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The standard house, changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::around(Provider::start().await, change).await
    }

    /// A changed house with a provider that is there.
    pub(crate) async fn around(provider: Provider, change: impl FnOnce(&mut Settings)) -> Self {
        let recorder = Recorder::start().await;
        let mut settings = Settings::new(&provider.issuer(), recorder.address);
        change(&mut settings);
        let gateway = Gateway::start(&settings).await;
        Self { provider, recorder, settings, gateway }
    }

    /// Kills the gateway as a power cut would, and starts it again on the same state.
    pub(crate) async fn crash(self) -> Self {
        let gateway = self.gateway.crash_and_restart(&self.settings).await;
        Self { gateway, ..self }
    }

    /// A browser that nobody has signed in with. It keeps finding the gateway after [`Self::aim`].
    pub(crate) fn browser(&self) -> Browser {
        let mut browser = Browser::default();
        self.aim(&mut browser);
        browser
    }

    /// Tells a browser where the gateway is now.
    pub(crate) fn aim(&self, browser: &mut Browser) {
        browser.resolve("http", HOST, self.gateway.http, None);
        if let (Some(https), Some(authority)) = (self.gateway.https, &self.gateway.authority) {
            browser.resolve("https", HOST, https, Some(authority.client(&["http/1.1"])));
        }
    }

    /// A browser in which `user` has signed in.
    pub(crate) async fn sign_in(&self, user: &str) -> Browser {
        let mut browser = self.browser();
        self.sign_in_with(&mut browser, user).await;
        browser
    }

    /// Signs `user` in with a browser that may have a past.
    pub(crate) async fn sign_in_with(&self, browser: &mut Browser, user: &str) {
        self.provider.remember(browser, user);
        let page = browser.navigate(&format!("{SITE}/home")).await;
        assert_eq!(page.answer.status(), 200, "{:#?}\n{}", page.hops, page.answer.text());
        assert_eq!(page.url.as_str(), format!("{SITE}/home"), "{:#?}", page.hops);
    }

    /// Signs out as our own page does: reads the token against forgery, posts the form.
    pub(crate) async fn sign_out(&self, browser: &mut Browser) {
        let me = browser.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
        let csrf = me.json().get("csrf").and_then(|v| v.as_str()).map(str::to_owned);
        let csrf = csrf.unwrap_or_else(|| panic!("no csrf in /me: {}", me.text()));
        let url = Url::parse(&format!("{SITE}/.portcullis/logout")).unwrap();
        let page = browser.submit(&url, &[("csrf".to_owned(), csrf)]).await;
        assert!(page.answer.status() < 400, "{:#?}\n{}", page.hops, page.answer.text());
    }

    /// The `Cookie` header line of a browser, for a raw client.
    pub(crate) fn cookie_line(&self, browser: &Browser) -> String {
        let url = Url::parse(SITE).unwrap();
        format!("Cookie: {}", browser.cookie_header(&url))
    }

    /// One raw GET with whole header lines of the test's choice.
    pub(crate) async fn get(&self, path: &str, lines: &[String]) -> Message {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close\r\n\r\n");
        exchange(self.gateway.http, request).await.expect("an answer")
    }

    /// Our published keys.
    pub(crate) async fn jwks(&self) -> serde_json::Value {
        self.get("/.well-known/jwks.json", &[]).await.json()
    }

    /// The claims of the identity token that the upstream saw last.
    pub(crate) fn last_claims(&self) -> serde_json::Value {
        let token = self.last_token();
        let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        serde_json::from_slice(&payload.expect("a JWT")).unwrap()
    }

    /// The identity token that the upstream saw last.
    pub(crate) fn last_token(&self) -> String {
        let last = self.recorder.last();
        let tokens: Vec<_> = last.headers.all("x-user-jwt").collect();
        assert_eq!(tokens.len(), 1, "{:#?}", last.headers);
        tokens.concat()
    }
}
