//! Sessions: list, show, end.

use std::path::{self, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::admin::answer::{no, yes};
use crate::app::admin::api_keys;
use crate::app::admin::door::Caller;
use crate::app::admin::router::Admin;
use crate::authn::api_key::{ApiKey, ApiKeyFault, KeyState, Listed};
use crate::base::ProviderId;
use crate::config::Directory;
use crate::endpoints::provider_of;
use crate::observe::audit;
use crate::oidc::Tenants;
use crate::session::{EndCause, LiveStreams, ProviderTokens, Session, StoreError, Whose, sid_of};

/// A page of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    issuer: Option<String>,
    subject: Option<String>,
    provider: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Whose sessions end.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Revocation {
    sid: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    provider: Option<String>,
    provider_sid: Option<String>,
    provider_subject: Option<String>,
    /// Instead of `issuer`: that of the directories that read this users file.
    users_file: Option<PathBuf>,
    /// Instead of everything else: all of them.
    everyone: bool,
    /// Whether the API keys of the principal are switched off as well.
    disable_api_keys: bool,
}

/// Sessions in one answer.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;
/// Sessions whose tokens are handed back to the provider: those of a person, and not of everybody.
const HANDED_BACK: usize = 1_024;
/// How long an administrator waits for these tokens before the sessions end.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn list(
    State(admin): State<Admin>,
    wanted: Result<Query<Listing>, QueryRejection>,
) -> Response {
    let wanted = match wanted {
        Ok(Query(wanted)) => wanted,
        Err(rejection) => return bad(&rejection.body_text()),
    };
    let whose = Whose {
        issuer: wanted.issuer,
        subject: wanted.subject,
        provider: wanted.provider.map(|id| id.as_str().into()),
        ..Whose::default()
    };
    let most = wanted.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let sessions = &admin.lasting.sessions;
    match sessions.page(&whose, wanted.after.as_deref(), most).await {
        Ok(page) => {
            let all: Vec<_> = page.sessions.iter().map(|it| shown(it, sessions.live())).collect();
            let total = sessions.count();
            yes(StatusCode::OK, json!({ "sessions": all, "next": page.next, "total": total }))
        }
        Err(fault) => failed(&fault, 0),
    }
}

pub(super) async fn show(State(admin): State<Admin>, Path(sid): Path<String>) -> Response {
    match admin.lasting.sessions.named(&sid).await {
        Ok(Some(session)) => yes(StatusCode::OK, shown(&session, admin.lasting.sessions.live())),
        Ok(None) => unknown(&sid),
        Err(fault) => failed(&fault, 0),
    }
}

pub(super) async fn streams(State(admin): State<Admin>) -> Response {
    let open = admin.lasting.sessions.live().open();
    yes(StatusCode::OK, json!({ "open": open }))
}

pub(super) async fn revoke(
    State(admin): State<Admin>,
    Extension(by): Extension<Caller>,
    body: Result<Json<Revocation>, JsonRejection>,
) -> Response {
    let wanted = match body {
        Ok(Json(wanted)) => wanted,
        Err(rejection) => return bad(&rejection.body_text()),
    };
    let whose = match whose(&admin, &wanted) {
        Ok(whose) => whose,
        Err(slip) => return slip.answer(),
    };
    // First, and whatever becomes of the sessions: the keys are kept elsewhere.
    let keys = keys_of(&admin, &by, whose.clone(), wanted.disable_api_keys).await;
    let mut ended = 0_usize;
    for whose in &whose {
        let given = given(&admin, whose).await;
        let ends = admin.lasting.sessions.end_those(whose, EndCause::Revoked).await;
        for end in &ends.ended {
            audit::session_over(&sid_of(&end.key), end.cause.as_str());
        }
        ended = ended.saturating_add(ends.ended.len());
        let fault = ends.fault.as_ref().map(ToString::to_string);
        let (target, count) = (target(whose), ends.ended.len());
        audit::admin_action(by.as_str(), "session.revoke", &target, count, fault.as_deref());
        if let Some(fault) = ends.fault {
            return failed(&fault, ended);
        }
        hand_back(&admin, given);
    }
    if wanted.sid.as_ref().is_some_and(|_| ended == 0) {
        return unknown(wanted.sid.as_deref().unwrap_or_default());
    }
    match keys {
        Ok(keys) => yes(StatusCode::OK, json!({ "ended": ended, "api_keys": keys })),
        Err(message) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let (code, what) = ("store_failed", format!("{ended} sessions have ended; {message}"));
            no(status, code, &what)
        }
    }
}

/// What providers gave for sessions that are about to end, as much as can be read in time.
async fn given(admin: &Admin, whose: &Whose) -> Vec<(Arc<Session>, ProviderTokens)> {
    let read = admin.lasting.sessions.tokens_of_those(whose, HANDED_BACK);
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(given)) => given,
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

fn hand_back(admin: &Admin, given: Vec<(Arc<Session>, ProviderTokens)>) {
    let current = admin.reloader.current.load();
    for (session, tokens) in given {
        let providers = &current.built.providers;
        if let Ok(provider) = provider_of(providers, &session.provider, &session.principal) {
            let (refresh, access) = (tokens.refresh_token, tokens.access_token);
            admin.lasting.revoker.hand_back(provider, refresh, access);
        }
    }
}

/// Why nobody's sessions end.
enum Slip {
    Bad(&'static str),
    UsersFile,
}

impl Slip {
    fn answer(self) -> Response {
        match self {
            Self::Bad(message) => bad(message),
            Self::UsersFile => {
                let message = "no directory of the running configuration reads this users file";
                no(StatusCode::NOT_FOUND, "unknown_users_file", message)
            }
        }
    }
}

/// What is meant. Nothing named is a slip, and not everybody.
fn whose(admin: &Admin, wanted: &Revocation) -> Result<Vec<Whose>, Slip> {
    let whose = Whose {
        sid: wanted.sid.clone(),
        issuer: wanted.issuer.clone(),
        subject: wanted.subject.clone(),
        provider: wanted.provider.as_deref().map(Into::into),
        provider_sid: wanted.provider_sid.clone(),
        provider_subject: wanted.provider_subject.clone(),
    };
    if whose.is_everybody() != wanted.everyone {
        return Err(Slip::Bad(
            "say whose sessions end: sid, issuer, subject, provider, provider_sid or \
             provider_subject; or everyone alone",
        ));
    }
    let there = whose.provider_sid.is_some() || whose.provider_subject.is_some();
    if there && whose.provider.is_none() && whose.issuer.is_none() {
        return Err(Slip::Bad(
            "a provider_sid or provider_subject needs its provider or issuer: others may use the same",
        ));
    }
    let named = whose.subject.is_some() && (whose.issuer.is_some() || wanted.users_file.is_some());
    if wanted.disable_api_keys && !named {
        return Err(Slip::Bad(
            "disable_api_keys needs the subject whose keys they are, and the issuer or users_file: \
             others may call somebody else so",
        ));
    }
    let Some(file) = &wanted.users_file else {
        let issuer = whose.issuer.clone().or_else(|| issuer_there(admin, &whose));
        return Ok(vec![Whose { issuer, ..whose }]);
    };
    let issuers = issuers_of(admin, file);
    if whose.subject.is_none() || whose.issuer.is_some() {
        return Err(Slip::Bad("users_file stands for the issuer of a subject"));
    }
    if issuers.is_empty() {
        return Err(Slip::UsersFile);
    }
    let with = |issuer| Whose { issuer: Some(issuer), ..whose.clone() };
    Ok(issuers.into_iter().map(with).collect())
}

/// The issuer of the provider that is named, where names of the provider's own are looked for: with it they
/// are found at once, without it each session is read. A provider whose tenants have issuers of their own
/// has none.
fn issuer_there(admin: &Admin, whose: &Whose) -> Option<String> {
    let id = whose.provider.as_ref()?;
    whose.provider_sid.as_ref().or(whose.provider_subject.as_ref())?;
    let current = admin.reloader.current.load();
    let issuer = current.loaded.config.providers.get(id)?.issuer().to_owned();
    Some(issuer).filter(|issuer| !issuer.contains(Tenants::PLACE))
}

fn issuers_of(admin: &Admin, file: &path::Path) -> Vec<String> {
    let real = |path: &path::Path| std::fs::canonicalize(path).ok();
    let Some(file) = real(file) else { return Vec::new() };
    let current = admin.reloader.current.load();
    let directories = current.loaded.config.directories.iter();
    let reads = directories.filter(|(_, directory)| match directory {
        Directory::File(section) => real(&section.path).as_ref() == Some(&file),
        _ => false,
    });
    reads.map(|(id, directory)| directory.issuer(id)).collect()
}

/// The API keys of those whose sessions have ended: how many still work, and how many were switched off.
async fn keys_of(
    admin: &Admin,
    by: &Caller,
    whose: Vec<Whose>,
    disable: bool,
) -> Result<Value, String> {
    let theirs = move |key: &ApiKey| {
        let owned = |whose: &Whose| {
            let issuer = whose.issuer.as_ref().is_none_or(|issuer| *issuer == key.owner.issuer);
            issuer && whose.subject.as_ref() == Some(&key.owner.subject)
        };
        whose.iter().any(owned)
    };
    let fault = |fault: ApiKeyFault| fault.to_string();
    if disable {
        let disabled = api_keys::disable_those(admin, by, theirs).await.map_err(fault)?;
        return Ok(json!({ "active": 0, "disabled": disabled }));
    }
    let active = api_keys::work(admin, move |keys| {
        let active = |listed: &Listed| listed.state == KeyState::Active && theirs(&listed.key);
        Ok(keys.list().iter().filter(|listed| active(listed)).count())
    });
    Ok(json!({ "active": active.await.map_err(fault)?, "disabled": 0 }))
}

fn target(whose: &Whose) -> String {
    let parts = [
        ("sid", whose.sid.as_deref()),
        ("issuer", whose.issuer.as_deref()),
        ("subject", whose.subject.as_deref()),
        ("provider", whose.provider.as_ref().map(ProviderId::as_str)),
        ("provider_sid", whose.provider_sid.as_deref()),
        ("provider_subject", whose.provider_subject.as_deref()),
    ];
    let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { "everyone".to_owned() } else { parts.join(" ") }
}

/// A session as an administrator sees it: never its handle, which nobody has but the browser.
fn shown(session: &Arc<Session>, live: &LiveStreams) -> Value {
    let who = &session.principal;
    json!({
        "sid": &*session.sid,
        "issuer": who.issuer,
        "subject": who.subject,
        "name": who.display_name(),
        "email": who.email.as_ref().map(|email| &email.address),
        "groups": who.groups,
        "provider": session.provider.as_str(),
        "signed_in_by": session.signed_in_by.as_str(),
        "auth_time": session.auth_time.to_rfc3339(),
        "created": session.created.to_rfc3339(),
        "last_seen": session.last_seen().to_rfc3339(),
        "expires": session.absolute_expiry.to_rfc3339(),
        "streams": live.open_of(&session.key),
    })
}

fn bad(message: &str) -> Response {
    no(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", message)
}

fn unknown(sid: &str) -> Response {
    let message = format!("there is no session `{sid}`; see: portcullis sessions list");
    no(StatusCode::NOT_FOUND, "unknown", &message)
}

fn failed(fault: &StoreError, ended: usize) -> Response {
    let message = format!("{fault}; {ended} sessions have ended");
    no(StatusCode::SERVICE_UNAVAILABLE, "store_failed", &message)
}
