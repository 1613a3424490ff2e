//! The independent parties that run on Node: `tests/peers`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::lab::SITE;
use crate::support::port;
use crate::support::raw::exchange;
use crate::support::settings::CLIENT_SECRET;

/// A provider certified by the OpenID Foundation: npm `oidc-provider`.
pub(crate) struct CertifiedProvider {
    child: Child,
    settings: Value,
    pub(crate) issuer: String,
}

impl CertifiedProvider {
    /// Starts one with the client `portcullis`, back at `redirect_uri`.
    pub(crate) async fn start(
        client_secret: &str,
        redirect_uri: &str,
        signed_out_uri: &str,
    ) -> Self {
        Self::start_with(json!({
            "client_secret": client_secret,
            "redirect_uris": [redirect_uri],
            "post_logout_redirect_uris": [signed_out_uri],
        }))
        .await
    }

    /// Starts one that knows the client `portcullis` by further settings of it.
    pub(crate) async fn start_with(mut settings: Value) -> Self {
        settings["client_id"] = "portcullis".into();
        settings["port"] = port::free().into();
        let (child, issuer) = Self::launch(&settings).await;
        Self { child, settings, issuer }
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again at its place. It has forgotten everybody.
    pub(crate) async fn again(&mut self) {
        (self.child, _) = Self::launch(&self.settings).await;
    }

    async fn launch(settings: &Value) -> (Child, String) {
        let mut command = script("certified-provider.mjs");
        let mut child = command.arg(settings.to_string()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(Duration::from_secs(60), lines.next_line());
        let line = line.await.expect("ready in time").unwrap().expect("a line once it listens");
        // It must be able to go on talking: a closed pipe would end it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let line: Value = serde_json::from_str(&line).unwrap();
        let issuer = line.get("issuer").and_then(Value::as_str).expect("an issuer").to_owned();
        (child, issuer)
    }

    /// Starts one whose tokens live so many seconds and can be refreshed, once each.
    pub(crate) async fn start_refreshing(lifetime: u32) -> Self {
        Self::start_with(json!({
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [format!("{SITE}/.portcullis/callback/test")],
            "lifetime": lifetime,
        }))
        .await
    }

    /// Has it do what tests need, or count: see its script.
    pub(crate) async fn test(&self, path: &str) -> Value {
        let address = self.issuer.trim_start_matches("http://").parse().unwrap();
        let request =
            format!("GET /test/{path} HTTP/1.1\r\nHost: provider\r\nConnection: close\r\n\r\n");
        exchange(address, request).await.expect("an answer").json()
    }
}

/// Verifies a token with `jose`, a library that shares no code with ours. Gives header and claims.
pub(crate) async fn verify(
    token: &str,
    jwks: &Value,
    issuer: &str,
    audience: &str,
) -> Result<Value, String> {
    let question = json!({ "token": token, "jwks": jwks, "issuer": issuer, "audience": audience });
    let answers = verify_all(&[question]).await;
    let answer = answers.into_iter().next().expect("one answer");
    match answer.get("error") {
        Some(error) => Err(error.to_string()),
        None => Ok(answer),
    }
}

/// Verifies many tokens in one process; the answers are in the order of the questions.
pub(crate) async fn verify_all(questions: &[Value]) -> Vec<Value> {
    let mut child = script("verify.mjs").stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = String::new();
    for question in questions {
        lines.push_str(&question.to_string());
        lines.push('\n');
    }
    let writing = tokio::spawn(async move { stdin.write_all(lines.as_bytes()).await });
    let output = child.wait_with_output().await.unwrap();
    writing.await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len(), "verify.mjs answered: {text}");
    answers
}

/// Mints tokens with `jose`: a fresh key for each of `algs`, and a token for each of `wishes`, which
/// name `alg`, `header` and `claims`. Gives the key set and the tokens.
pub(crate) async fn mint(algs: &[&str], wishes: &[Value]) -> (Value, Vec<String>) {
    let mut child = script("mint.mjs").stdin(Stdio::piped()).spawn().unwrap();
    let question = json!({ "algs": algs, "tokens": wishes }).to_string();
    child.stdin.take().unwrap().write_all(question.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("keys and tokens");
    let tokens = serde_json::from_value(answer["tokens"].take()).unwrap();
    (answer["jwks"].take(), tokens)
}

/// Lets an application of the kind that people have already written judge a token.
pub(crate) async fn plain_pyjwt(token: &str, secret: &str) -> Result<Value, String> {
    let python = folder().join(".venv/bin/python");
    assert!(python.exists(), "the test peers are not installed: run `make peers`");
    let mut command = Command::new(python);
    command.arg(folder().join("seed_callback.py")).arg(secret).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// Runs a script of ours on Python; what it prints.
pub(crate) async fn python(name: &str, words: &[&str]) -> String {
    let python = folder().join(".venv/bin/python");
    assert!(python.exists(), "the test peers are not installed: run `make peers`");
    let output = Command::new(python).arg(folder().join(name)).args(words).output().await.unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Drives a real browser through the demo; gives the one line that the script prints.
pub(crate) async fn real_browser(settings: &Value) -> Value {
    drive("browser.mjs", settings).await
}

/// Drives a real browser in which another site shows the app in a frame.
pub(crate) async fn real_frame(settings: &Value) -> Value {
    drive("tab.mjs", settings).await
}

/// Drives a real browser with a page that hears of the end of its session.
pub(crate) async fn real_session(settings: &Value) -> Value {
    drive("session.mjs", settings).await
}

/// Drives a real browser to the page for administrators.
pub(crate) async fn real_admin(settings: &Value) -> Value {
    drive("admin.mjs", settings).await
}

/// Runs a script that drives a real browser; gives the one line that it prints last.
pub(crate) async fn drive(name: &str, settings: &Value) -> Value {
    let output = script(name).arg(settings.to_string()).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    let answer: Value = serde_json::from_str(last)
        .unwrap_or_else(|e| panic!("{name} said no JSON ({e}), {}: {text}", output.status));
    assert!(output.status.success(), "{name} failed: {answer:#}");
    answer
}

fn script(name: &str) -> Command {
    let folder = folder();
    assert!(
        folder.join("node_modules/jose").is_dir(),
        "the test peers are not installed: run `make peers` (it runs `npm ci` in {})",
        folder.display()
    );
    let mut command = Command::new("node");
    command.arg(folder.join(name)).current_dir(&folder).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}
