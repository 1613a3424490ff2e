//! The page that a person looks at: what is going on, and how things are. It changes nothing.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use crate::app::admin::answer::no;
use crate::app::admin::router::Admin;
use crate::app::admin::{api_keys, health};
use crate::authn::api_key::KeyState;
use crate::base::Timestamp;
use crate::session::Whose;
use crate::token::RingKey;

#[derive(Debug, Default, Template)]
#[template(path = "admin.html")]
struct AdminPage {
    version: &'static str,
    now: String,
    figures: Vec<(&'static str, usize)>,
    parts: Vec<Row>,
    refusals: Vec<(String, u64)>,
    sessions: Vec<Row>,
    more: bool,
    signing_keys: Vec<Row>,
    api_keys: Vec<Row>,
}

/// The cells of a table's row, and whether it is as it should be.
#[derive(Debug)]
struct Row {
    good: bool,
    cells: Vec<String>,
}

/// Sessions and keys on the page; the commands show all.
const SHOWN: usize = 50;
/// No script, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub(super) async fn page(State(admin): State<Admin>) -> Response {
    let page = match fill(&admin).await {
        Ok(page) => page,
        Err(fault) => {
            return no(StatusCode::SERVICE_UNAVAILABLE, "store_failed", &fault);
        }
    };
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    // Rendering writes into memory and cannot fail.
    (headers, Html(page.render().unwrap_or_default())).into_response()
}

async fn fill(admin: &Admin) -> Result<AdminPage, String> {
    let (lasting, now) = (&admin.lasting, admin.lasting.clock.now());
    let sessions = &lasting.sessions;
    let page = sessions.page(&Whose::default(), None, SHOWN).await.map_err(|it| it.to_string())?;
    let mut people = page.sessions;
    people.sort_unstable_by_key(|session| std::cmp::Reverse(session.last_seen().as_millis()));
    let mut keys =
        api_keys::work(admin, |keys| Ok(keys.list())).await.map_err(|it| it.to_string())?;
    keys.truncate(SHOWN);
    let people = people.iter().map(|session| {
        let who = &session.principal;
        Row::good(vec![
            who.display_name().to_owned(),
            who.subject.clone(),
            session.provider.to_string(),
            ago(session.last_seen(), now),
            sessions.live().open_of(&session.key).to_string(),
            session.sid.to_string(),
        ])
    });
    let keys = keys.iter().map(|listed| Row {
        good: listed.state == KeyState::Active,
        cells: vec![
            listed.key.name.clone(),
            listed.key.owner.subject.clone(),
            listed.state.as_str().to_owned(),
            ago(listed.key.created, now),
            listed.used.map_or_else(|| "never".to_owned(), |used| ago(used, now)),
            listed.key.id.to_string(),
        ],
    });
    let parts = health::parts(admin).into_iter().map(|part| Row {
        good: part.trouble.is_none(),
        cells: vec![part.name, part.trouble.unwrap_or_else(|| "well".to_owned())],
    });
    // The gateway is there twice, for two kinds of trouble.
    let mut parts: Vec<_> = parts.collect();
    parts.dedup_by(|next, before| next.good && before.cells.first() == next.cells.first());
    Ok(AdminPage {
        version: env!("CARGO_PKG_VERSION"),
        now: now.to_rfc3339(),
        figures: vec![
            ("sessions", sessions.count()),
            ("open streams", sessions.live().open()),
            ("connections", lasting.load.open()),
        ],
        parts,
        refusals: lasting.metrics.refusals(),
        sessions: people.collect(),
        more: page.next.is_some(),
        signing_keys: signing_keys(admin, now),
        api_keys: keys.collect(),
    })
}

fn signing_keys(admin: &Admin, now: Timestamp) -> Vec<Row> {
    let current = admin.reloader.current.load();
    let Some(keyring) = &current.built.keyring else { return Vec::new() };
    let ring = keyring.ring();
    let with = |state: &'static str| move |key| (state, key);
    let keys = std::iter::once(&ring.active).map(with("signs"));
    let keys = keys.chain(ring.next.iter().map(with("next")));
    let keys = keys.chain(ring.retired.iter().map(with("retired")));
    let row = |(state, (key, _)): (&str, &(RingKey, Timestamp))| {
        Row::good(vec![
            state.to_owned(),
            key.key.algorithm().as_str().to_owned(),
            ago(key.published, now),
            key.key.id().to_string(),
        ])
    };
    keys.map(row).collect()
}

impl Row {
    const fn good(cells: Vec<String>) -> Self {
        Self { good: true, cells }
    }
}

/// How long ago, in the largest whole unit.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{count} {unit} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_text_and_nothing_else() {
        let evil = "<script>alert(1)</script>".to_owned();
        let page = AdminPage {
            sessions: vec![Row::good(vec![evil.clone()])],
            api_keys: vec![Row { good: false, cells: vec![evil.clone()] }],
            refusals: vec![(evil, 3)],
            ..AdminPage::default()
        };
        assert!(!page.render().unwrap().contains("<script"));
    }

    #[test]
    fn ages_have_one_unit() {
        let at = |seconds| ago(Timestamp::from_secs(0), Timestamp::from_secs(seconds));
        assert_eq!(
            [at(5), at(60), at(7_300), at(200_000)],
            ["5 s ago", "1 min ago", "2 h ago", "2 d ago"]
        );
    }
}
