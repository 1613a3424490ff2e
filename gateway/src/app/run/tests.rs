use std::fs::{File, OpenOptions};
use std::time::SystemTime;

use super::*;
use crate::base::Entropy;
use crate::config::Surroundings;

const FILE: &str = r#"
[server]
public_url = "http://localhost:8080"
http = { listen = "127.0.0.1:8080" }
state = "state"
keys = "keys"
[providers.corp]
kind = "oidc"
issuer = "https://login.example.com"
client_id = "portcullis"
[upstreams.app]
servers = ["127.0.0.1:8000"]
[[routes]]
path = "/*"
access = "authenticated"
upstream = "app"
"#;

/// Else nobody's session ends any more once the directory of the keys hangs.
#[tokio::test]
async fn a_shared_directory_that_hangs_holds_up_no_sweep() {
    let entropy: &dyn Entropy = &crate::base::SystemEntropy;
    let folder = std::env::temp_dir().join(format!("run-{}", entropy.token::<9>()));
    let around = Surroundings { name: "p.toml", directory: &folder, env: &|_| None };
    let loaded = Config::parse(FILE, &around).unwrap_or_else(|faults| panic!("{faults}"));
    let lasting = Arc::new(Lasting::open(&loaded.config).unwrap());
    // Time for a new key, whose maker waits for as long as somebody else holds the lock.
    let keys = folder.join("keys/sealing-keys.json");
    let lock = File::open(folder.join("keys/sealing-keys.json.lock")).unwrap();
    lock.lock().unwrap();
    let keys = OpenOptions::new().write(true).open(keys).unwrap();
    keys.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    lasting.trouble.store(Some(Arc::new("not swept yet".to_owned())));
    let running = tokio::spawn(housekeeping(Arc::clone(&lasting)));
    let swept = async {
        while lasting.trouble.load().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let swept = tokio::time::timeout(Duration::from_secs(20), swept).await;
    // The test's end waits for who waits for it.
    lock.unlock().unwrap();
    running.abort();
    let _ = std::fs::remove_dir_all(&folder);
    assert!(swept.is_ok(), "no sweep while the directory hangs");
}
