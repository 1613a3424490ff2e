//! A configuration file that anybody may have written.

use std::path::Path;

use portcullis::config::{Auth, Config, Rule, Surroundings};

/// Reads `text` as a configuration.
pub fn run(text: &str) {
    // A secret or a certificate can be named by its file; devices have no end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let env = |name: &str| (name != "UNSET").then(|| "canary-".repeat(8));
    let around =
        Surroundings { name: "fuzz.toml", directory: Path::new("/nonexistent"), env: &env };
    match Config::parse(text, &around) {
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a reason");
            assert!(!faults.to_string().contains("canary-canary"), "a secret is shown");
        }
        Ok(loaded) => {
            for route in &loaded.config.routes {
                assert_ne!(route.rule(), Rule::Nobody, "a checked route says who may");
                let open = route.rule() == Rule::Public;
                let nobody = route.auth == [Auth::Anonymous];
                assert!(open || !nobody, "a checked route can be entered");
                assert!(loaded.config.upstreams.contains_key(&route.upstream));
            }
            let shown = format!("{:?}", &*loaded.config);
            assert!(!shown.contains("canary-canary"), "a secret is shown");
        }
    }
}
