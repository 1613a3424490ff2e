use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use url::Url;

use super::*;
use crate::base::{ProviderId, Secret, SystemClock, SystemEntropy};
use crate::oidc::{CallbackParams, FinishedLogin, LoginFault, Provider, ProviderSettings};
use crate::oidc::{StartLogin, StartedLogin};
use crate::web::fetch::{AddressPolicy, FetchLimits};
use crate::web::{Fetch, HttpClient};

const CALLBACK: &str = "http://localhost:8080/.portcullis/callback/demo";
const SIGNED_OUT: &str = "http://localhost:8080/.portcullis/signed-out";

struct World {
    issuer: String,
    http: Arc<HttpClient>,
    provider: Provider,
}

async fn world() -> World {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = DemoClient {
        id: "portcullis".to_owned(),
        secret: Secret::from("demo secret"),
        redirect_uris: vec![CALLBACK.to_owned()],
        post_logout_redirect_uris: vec![SIGNED_OUT.to_owned()],
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let (bound, server) =
        DemoProvider::bind(any, vec![client], clock.clone(), entropy.clone()).await.unwrap();
    tokio::spawn(server);
    let issuer = format!("http://{bound}");
    let policy = AddressPolicy::for_home(&Url::parse(&issuer).unwrap(), true);
    let limits = FetchLimits { time: Duration::from_secs(5), ..FetchLimits::default() };
    let http = Arc::new(HttpClient::new(policy, limits, None).unwrap());
    let mut settings = ProviderSettings::new(ProviderId::from("demo"), &issuer, "portcullis");
    settings.client_secret = Some(Secret::from("demo secret"));
    settings.insecure_http = true;
    let provider = Provider::new(settings, http.clone(), clock, entropy);
    World { issuer, http, provider }
}

impl World {
    async fn start(&self) -> StartedLogin {
        let login =
            StartLogin { redirect_uri: CALLBACK, return_to: "/", step_up: None, route: None };
        self.provider.start(login, |_| "sealed".to_owned()).await.unwrap()
    }

    async fn get(&self, url: &str, cookie: &str) -> Response<Bytes> {
        let request = Request::get(url).header(header::COOKIE, cookie).body(Bytes::new());
        self.http.send(request.unwrap()).await.unwrap()
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Response<Bytes> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("{}{path}", self.issuer))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, cookie)
            .body(body.into());
        self.http.send(request.unwrap()).await.unwrap()
    }

    async fn sign_in(&self, started: &StartedLogin, who: &str, password: &str) -> Response<Bytes> {
        let page = self.get(&started.location, "").await;
        assert!(String::from_utf8_lossy(page.body()).contains("type=\"password\""));
        let request = Url::parse(&started.location).unwrap().query().unwrap().to_owned();
        let form = [("login", who), ("password", password), ("request", &request)];
        self.post("/login", "", &form).await
    }

    async fn finish(
        &self,
        started: &StartedLogin,
        answer: &Response<Bytes>,
    ) -> Result<FinishedLogin, LoginFault> {
        assert_eq!(answer.status(), 303);
        let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert!(url.as_str().starts_with(CALLBACK));
        let params = CallbackParams::parse(url.query().unwrap())?;
        self.provider.finish(&params, &started.transaction).await
    }
}

fn cookie(answer: &Response<Bytes>) -> String {
    let line = answer.headers()["set-cookie"].to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_whole_login_single_sign_on_and_sign_out() {
    let world = world().await;
    let started = world.start().await;
    let answer = world.sign_in(&started, "engineer", "engineer").await;
    let login = world.finish(&started, &answer).await.unwrap();
    assert_eq!(login.principal.groups, ["engineering", "admin"]);
    assert_eq!(login.principal.preferred_username.as_deref(), Some("engineer"));
    assert!(login.principal.email.as_ref().unwrap().verified);
    assert!(login.tokens.provider_sid.is_some());

    // Single sign-on: the second login asks for nothing.
    let cookie = cookie(&answer);
    let second = world.start().await;
    let answer = world.get(&second.location, &cookie).await;
    let again = world.finish(&second, &answer).await.unwrap();
    assert_eq!(again.principal.subject, login.principal.subject);

    // Signing out with the hint needs no question; afterwards the page is back.
    let hint = again.tokens.id_token.as_ref();
    let url = world.provider.logout_url(hint, SIGNED_OUT, "s").unwrap();
    let answer = world.get(&url, &cookie).await;
    assert_eq!(answer.headers()["location"], format!("{SIGNED_OUT}?state=s"));
    let third = world.start().await;
    assert_eq!(world.get(&third.location, &cookie).await.status(), 200);
}

#[tokio::test]
async fn a_code_works_once() {
    let world = world().await;
    let started = world.start().await;
    let answer = world.sign_in(&started, "sales", "sales").await;
    assert_eq!(world.finish(&started, &answer).await.unwrap().principal.groups, ["sales"]);
    let fault = world.finish(&started, &answer).await.unwrap_err();
    assert_eq!(fault, LoginFault::CodeRejected("invalid_grant".to_owned()));
}

#[tokio::test]
async fn another_verifier_does_not_redeem_the_code() {
    let world = world().await;
    let (one, two) = (world.start().await, world.start().await);
    let answer = world.sign_in(&one, "sales", "sales").await;
    let fault = world.finish(&two, &answer).await.unwrap_err();
    assert_eq!(fault, LoginFault::CodeRejected("invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_gets_the_page_again_without_a_cookie() {
    let world = world().await;
    let started = world.start().await;
    let answer = world.sign_in(&started, "sales", "\"><script>").await;
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().get("set-cookie").is_none());
    assert!(!String::from_utf8_lossy(answer.body()).contains("<script"));
}

#[tokio::test]
async fn without_a_hint_signing_out_asks_and_goes_to_registered_places_only() {
    let world = world().await;
    let started = world.start().await;
    let answer = world.sign_in(&started, "sales", "sales").await;
    let cookie = cookie(&answer);
    let query = format!("client_id=portcullis&post_logout_redirect_uri={SIGNED_OUT}");
    let page = world.get(&format!("{}/logout?{query}", world.issuer), &cookie).await;
    assert!(String::from_utf8_lossy(page.body()).contains("Sign out, Sam Sales?"));
    let evil = "client_id=portcullis&post_logout_redirect_uri=https://evil.test/";
    let answer = world.post("/logout", &cookie, &[("request", evil)]).await;
    assert!(answer.headers().get("location").is_none());
    let answer = world.post("/logout", &cookie, &[("request", &query)]).await;
    assert_eq!(answer.headers()["location"], SIGNED_OUT);
}

#[tokio::test]
async fn a_foreign_redirect_uri_is_not_followed() {
    let world = world().await;
    let started = world.start().await;
    let location = started.location.replace("localhost%3A8080", "evil.test");
    let answer = world.get(&location, "").await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("location")), (400, None));
    let plain = started.location.replace("S256", "plain");
    let answer = world.get(&plain, "").await;
    let location = answer.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(CALLBACK) && location.contains("error=invalid_request"));
}

#[tokio::test]
async fn it_listens_on_this_machine_only() {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = DemoProvider::bind(everywhere, Vec::new(), clock, entropy).await;
    assert!(matches!(refused.err(), Some(DemoProviderError::NotLoopback(_))));
}
