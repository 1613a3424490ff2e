//! A gateway with a route for each of the table's lists.

use crate::support::counsel::Counsel;
use crate::support::lab::Lab;
use crate::support::provider::Provider;
use crate::support::settings::{Route, Settings};
use crate::ways_table::certificates::Certificates;
use crate::ways_table::ways::{DARK, NAMES, TENANT};

/// The gateway, and those around it.
pub(super) struct House {
    pub(super) lab: Lab,
    pub(super) certificates: Certificates,
    _counsel: Counsel,
}

impl House {
    pub(super) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A changed one.
    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (provider, counsel) = (Provider::start_as_entra(TENANT).await, Counsel::start().await);
        let certificates = Certificates::new();
        let lab = Lab::around(provider, |settings| {
            with_routes(settings, &counsel);
            certificates.add_to(settings);
            change(settings);
        });
        Self { lab: lab.await, certificates, _counsel: counsel }
    }
}

/// Where a request for these ways goes.
pub(super) fn place(ways: &[&str]) -> String {
    ways.join("-").replace('_', "")
}

fn with_routes(settings: &mut Settings, counsel: &Counsel) {
    let (issuer, at) = (settings.issuer.clone(), counsel.address);
    settings.provider = "subject = \"oid\"".to_owned();
    settings.issuers = format!(
        "[issuers.ci]\nissuer = \"{issuer}\"\naudiences = [\"api\"]\ninsecure_http = true\n\
         [issuers.dark]\nissuer = \"{DARK}\"\naudiences = [\"api\"]\ninsecure_http = true\n\
         [directories.staff]\nkind = \"http\"\nurl = \"http://{at}/people\"\ninsecure_http = true\n\
         issuer = \"{issuer}\"\n\
         [password]\naccount_tries = 100\naddress_tries = 1000\ntries_within = \"50ms\"\n\
         [teams]\nprovider = \"test\"\n\
         [trusted_headers]\nfrom = [\"127.0.0.1/32\"]\n\
         [forward_auth.counsel]\nurl = \"http://{at}/auth\"\ninsecure_http = true\n\
         timeout = \"20s\"\nheaders = [\"X-Key\"]\nclaims = {{ sub = \"X-Auth-Request-User\" }}\n"
    );
    let reversed = NAMES.iter().rev().copied().collect::<Vec<_>>();
    // Where people sign in and programs send passwords, both count.
    let pairs: [&[&str]; 4] =
        [&["session", "password"], &["password", "session"], &NAMES, &reversed];
    for pair in pairs {
        let line = format!("auth = {pair:?}\nlogin = [\"test\"");
        settings.swaps.push((line.clone().leak(), format!("{line}, \"staff\"")));
    }
    let mut add = |ways: &[&str]| {
        let mut path = format!("/{}", place(ways));
        path.push_str("/*");
        settings.routes.insert(
            0,
            Route {
                path: path.leak(),
                auth: format!("{ways:?}").leak(),
                access: if ways.contains(&"anonymous") {
                    "access = \"public\""
                } else {
                    "access = \"authenticated\""
                },
                token: r#"{ audience = "agent" }"#,
            },
        );
    };
    add(&NAMES);
    add(&reversed);
    for one in NAMES {
        add(&[one]);
        add(&[one, "anonymous"]);
        for other in NAMES {
            if one != other {
                add(&[one, other]);
            }
        }
    }
}
