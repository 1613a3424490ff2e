//! The gateway's configuration for a test.

use std::fmt::Write;
use std::net::SocketAddr;

/// The name under which every test knows the gateway. The test clients resolve it to whatever port
/// the gateway was given; the name is a loopback name, so that plain HTTP is allowed.
pub(crate) const HOST: &str = "localhost";

/// The client secret that the gateway shows the provider.
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-8f2b6c-of-32-bytes-and-more";

/// A configuration as it is written to the file. Tests change the parts they are about.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Issuer of the one provider, `test`.
    pub(crate) issuer: String,
    /// Where the one upstream, `agent`, listens.
    pub(crate) upstream: SocketAddr,
    /// Whether there is a TLS listener; its certificate lies beside the file.
    pub(crate) https: bool,
    /// Further lines of `[server.limits]`.
    pub(crate) limits: String,
    /// Further lines of `[session]`.
    pub(crate) session: String,
    /// Further lines of `[token]`.
    pub(crate) token: String,
    /// Further lines of `[providers.test]`.
    pub(crate) provider: String,
    /// Sections of issuers.
    pub(crate) issuers: String,
    /// Further lines of `[upstreams.agent]`.
    pub(crate) upstream_more: String,
    /// The log filter.
    pub(crate) log: String,
    /// The routes, most of the file.
    pub(crate) routes: Vec<Route>,
    /// What relays HTTP/1.1: the whole suite can be run against either.
    pub(crate) engine: String,
    /// Further files beside the configuration, by name.
    pub(crate) files: Vec<(String, String)>,
    /// Text of the finished file to write differently, for what a single test changes.
    pub(crate) swaps: Vec<(&'static str, String)>,
}

/// One `[[routes]]` entry.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Its path pattern; its name is made of it.
    pub(crate) path: &'static str,
    /// TOML of `auth`.
    pub(crate) auth: &'static str,
    /// TOML of `access` or `allow`, the whole line.
    pub(crate) access: &'static str,
    /// TOML of the inline table `token`.
    pub(crate) token: &'static str,
}

impl Settings {
    /// The standard house: `/public/*` for everybody, `/maybe/*` with identity if there is one,
    /// `/engineering/*` for one group, `/debug/*` with the token shown, the rest for who signed in.
    pub(crate) fn new(issuer: &str, upstream: SocketAddr) -> Self {
        let signed_in = Route {
            path: "/*",
            auth: r#"["session"]"#,
            access: r#"access = "authenticated""#,
            token: r#"{ audience = "agent" }"#,
        };
        let public = Route {
            path: "/public/*",
            auth: r#"["anonymous"]"#,
            access: r#"access = "public""#,
            ..signed_in.clone()
        };
        let routes = vec![
            Route { path: "/maybe/*", auth: r#"["session", "anonymous"]"#, ..public.clone() },
            public,
            Route {
                path: "/engineering/*",
                access: r#"allow = { groups = ["engineering"] }"#,
                ..signed_in.clone()
            },
            Route {
                path: "/debug/*",
                token: r#"{ audience = "agent", debug_header = true }"#,
                ..signed_in.clone()
            },
            signed_in,
        ];
        Self {
            issuer: issuer.to_owned(),
            upstream,
            https: false,
            limits: String::new(),
            session: String::new(),
            token: String::new(),
            provider: String::new(),
            issuers: String::new(),
            upstream_more: String::new(),
            log: "info".to_owned(),
            routes,
            engine: std::env::var("PORTCULLIS_TEST_ENGINE").unwrap_or_else(|_| "direct".to_owned()),
            files: Vec::new(),
            swaps: Vec::new(),
        }
    }

    /// The file's text.
    pub(crate) fn render(&self) -> String {
        let mut text = format!(
            r#"[server]
public_url = "http://{HOST}"
http = {{ listen = "127.0.0.1:0", redirect_to_https = false }}
admin = {{ listen = "127.0.0.1:0" }}
state = "state"
http1_engine = "{}"
"#,
            self.engine
        );
        if self.https {
            text.push_str(
                "origins = [\"https://localhost\"]\nhttps = { listen = \"127.0.0.1:0\", certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }] }\n",
            );
        }
        write!(
            text,
            r#"
[server.limits]
{limits}

[providers.test]
kind = "oidc"
issuer = "{issuer}"
client_id = "portcullis"
client_secret = {{ env = "TEST_CLIENT_SECRET" }}
insecure_http = true
{provider}

[session]
{session}

[token]
{token}

[upstreams.agent]
servers = ["{upstream}"]
{upstream_more}

{issuers}

[log]
level = "{log}"
"#,
            limits = self.limits,
            issuer = self.issuer,
            provider = self.provider,
            session = self.session,
            token = self.token,
            upstream = self.upstream,
            upstream_more = self.upstream_more,
            issuers = self.issuers,
            log = self.log,
        )
        .unwrap();
        for route in &self.routes {
            text.push_str(&route.render());
        }
        for (from, to) in &self.swaps {
            assert!(text.contains(from), "nothing to swap: {from}");
            text = text.replace(from, to);
        }
        text
    }
}

impl Route {
    /// What logs and tokens call it.
    pub(crate) fn name(&self) -> &str {
        match self.path.trim_matches(['/', '*']) {
            "" => "rest",
            name => name,
        }
    }

    fn render(&self) -> String {
        let login = if self.auth.contains("session") { "login = [\"test\"]\n" } else { "" };
        format!(
            r#"
[[routes]]
name = "{name}"
host = "{HOST}"
path = "{path}"
auth = {auth}
{login}{access}
upstream = "agent"
token = {token}
"#,
            name = self.name(),
            path = self.path,
            auth = self.auth,
            access = self.access,
            token = self.token,
        )
    }
}
