//! A gateway in front of one app with a preset.

use url::Url;

use crate::support::browser::Browser;
use crate::support::lab::{Lab, SITE};

/// A gateway whose routes are this TOML; `$` stands for what each route of an app needs.
pub(super) async fn routes(text: &str) -> Lab {
    let needed = "auth = [\"session\"]\nlogin = [\"test\"]\naccess = \"authenticated\"\n\
        upstream = \"agent\"\n";
    let text = text.replace('$', needed);
    Lab::with(|settings| {
        settings.routes.clear();
        settings.issuers = text;
    })
    .await
}

/// The cookies of a browser that are not ours, as `name=value`.
pub(super) fn app_cookies(browser: &Browser) -> Vec<String> {
    let cookies = browser.cookie_header(&Url::parse(SITE).unwrap());
    let cookies = cookies.split("; ").filter(|pair| !pair.starts_with("portcullis"));
    cookies.filter(|pair| !pair.is_empty()).map(str::to_owned).collect()
}

/// The `Cookie` field that the app saw last.
pub(super) fn seen(lab: &Lab) -> String {
    lab.recorder.last().headers.all("cookie").collect::<Vec<_>>().join(" | ")
}

/// One request of a page's script.
pub(super) async fn fetch(
    browser: &mut Browser,
    path: &str,
    headers: &[(&str, &str)],
) -> crate::support::http::Message {
    browser.fetch("GET", &format!("{SITE}{path}"), headers, "").await
}
