//! What the tests share.

use std::path::{Path, PathBuf};

use crate::config::{Config, Faults, Loaded, Surroundings};

/// A file without faults, to which tests add some.
pub(super) const GOOD: &str = r#"
[server]
public_url = "http://localhost:8080"
http = { listen = "127.0.0.1:8080" }

[providers.corp]
kind = "oidc"
issuer = "https://login.example.com"
client_id = "portcullis"

[upstreams.app]
servers = ["127.0.0.1:8000"]
"#;

/// A route that fits to it.
pub(super) const ROUTE: &str = "[[routes]]\nupstream = \"app\"\naccess = \"authenticated\"\n";

/// Reads a text as the file `p.toml`; every environment variable is set but `UNSET`.
pub(super) fn parse(text: &str) -> Result<Loaded, Faults> {
    parse_in(Path::new("/nonexistent"), text)
}

pub(super) fn parse_in(directory: &Path, text: &str) -> Result<Loaded, Faults> {
    let env = |name: &str| match name {
        "UNSET" => None,
        "SHORT" => Some("hunter2".to_owned()),
        _ => Some("canary-".repeat(8)),
    };
    Config::parse(text, &Surroundings { name: "p.toml", directory, env: &env })
}

/// All faults of a text, as they are shown; empty if there are none.
pub(super) fn faults(text: &str) -> String {
    parse(text).map(|_| String::new()).unwrap_or_else(|faults| faults.to_string())
}

/// A directory of this test's own, removed at the end.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portcullis-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
