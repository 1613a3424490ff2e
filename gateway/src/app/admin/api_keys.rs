//! API keys: list, create, switch off and on, revoke.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::app::admin::answer::{no, yes};
use crate::app::admin::door::Caller;
use crate::app::admin::router::Admin;
use crate::authn::api_key::{
    ApiKey, ApiKeyFault, ApiKeyId, ApiKeyRequest, ApiKeys, KeyRoutes, Listed,
};
use crate::config::{Auth, Config};
use crate::observe::audit;

pub(super) async fn list(State(admin): State<Admin>) -> Response {
    let listed = work(&admin, |keys| Ok(keys.list())).await;
    match listed {
        Ok(all) => {
            let all: Vec<_> = all.iter().map(Listed::to_json).collect();
            yes(StatusCode::OK, json!({ "api_keys": all }))
        }
        Err(fault) => refuse(&fault),
    }
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    match work(&admin, move |keys| one(keys, &id)).await {
        Ok(listed) => yes(StatusCode::OK, listed.to_json()),
        Err(fault) => refuse(&fault),
    }
}

/// The one answer that holds a key.
pub(super) async fn create(
    State(admin): State<Admin>,
    Extension(by): Extension<Caller>,
    body: Result<Json<ApiKeyRequest>, JsonRejection>,
) -> Response {
    let bad = |message: &str| no(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", message);
    let request = match body {
        Ok(Json(request)) => request,
        Err(rejection) => return bad(&rejection.body_text()),
    };
    let checked = request.check(admin.lasting.clock.now()).and_then(|new| {
        let current = admin.reloader.current.load();
        check_routes(&new.routes, &current.loaded.config).map(|()| new)
    });
    let new = match checked {
        Ok(new) => new,
        Err(message) => return bad(&message),
    };
    let made = work(&admin, |keys| {
        let (key, text) = keys.create(new)?;
        Ok((one(keys, key.id.as_str())?, text))
    })
    .await;
    let target = made.as_ref().map_or_else(|_| String::new(), |(it, _)| it.key.id.to_string());
    done(&by, "api_key.create", &target, made.as_ref().err());
    match made {
        Ok((listed, text)) => {
            let mut document = listed.to_json();
            if let Some(members) = document.as_object_mut() {
                members.insert("key".to_owned(), Value::from(text.expose().as_str()));
            }
            yes(StatusCode::CREATED, document)
        }
        Err(fault) => refuse(&fault),
    }
}

pub(super) async fn disable(
    State(admin): State<Admin>,
    Extension(by): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    change(&admin, &by, "api_key.disable", id, |keys, id| keys.switch(id, true)).await
}

pub(super) async fn enable(
    State(admin): State<Admin>,
    Extension(by): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    change(&admin, &by, "api_key.enable", id, |keys, id| keys.switch(id, false)).await
}

pub(super) async fn revoke(
    State(admin): State<Admin>,
    Extension(by): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    change(&admin, &by, "api_key.revoke", id, ApiKeys::revoke).await
}

async fn change(
    admin: &Admin,
    by: &Caller,
    action: &str,
    id: String,
    change: fn(&ApiKeys, ApiKeyId) -> Result<ApiKey, ApiKeyFault>,
) -> Response {
    let target = id.clone();
    let changed = work(admin, move |keys| {
        let key = ApiKeyId::parse(&id).ok_or_else(|| ApiKeyFault::Unknown(id.clone()))?;
        change(keys, key)?;
        one(keys, &id)
    })
    .await;
    done(by, action, &target, changed.as_ref().err());
    match changed {
        Ok(listed) => yes(StatusCode::OK, listed.to_json()),
        Err(fault) => refuse(&fault),
    }
}

/// Switches the keys of principals off; how many. `wanted` says whose. One that cannot be written is off in
/// memory, and keeps none of the others.
pub(super) async fn disable_those(
    admin: &Admin,
    by: &Caller,
    wanted: impl Fn(&ApiKey) -> bool + Send + 'static,
) -> Result<usize, ApiKeyFault> {
    let (disabled, fault) = work(admin, move |keys| Ok(keys.disable_those(wanted))).await?;
    for id in &disabled {
        done(by, "api_key.disable", id.as_str(), None);
    }
    fault.map(|()| disabled.len())
}

/// Does what waits for the disk where it holds nobody up.
pub(super) async fn work<T: Send + 'static>(
    admin: &Admin,
    work: impl FnOnce(&ApiKeys) -> Result<T, ApiKeyFault> + Send + 'static,
) -> Result<T, ApiKeyFault> {
    let lasting = Arc::clone(&admin.lasting);
    let done = spawn_blocking(move || work(&*lasting.api_keys()?)).await;
    done.unwrap_or_else(|fault| Err(ApiKeyFault::Io(fault.to_string())))
}

fn one(keys: &ApiKeys, id: &str) -> Result<Listed, ApiKeyFault> {
    let found = ApiKeyId::parse(id).and_then(|id| keys.one(id));
    found.ok_or_else(|| ApiKeyFault::Unknown(id.to_owned()))
}

/// A key for a route that is not there, or takes none, is a slip of the pen.
fn check_routes(routes: &KeyRoutes, config: &Config) -> Result<(), String> {
    let takes: Vec<_> = config
        .routes
        .iter()
        .filter(|route| route.auth.contains(&Auth::ApiKey))
        .map(|route| route.id().to_string())
        .collect();
    let KeyRoutes::Only(names) = routes else { return Ok(()) };
    match names.iter().find(|name| !takes.contains(name)) {
        None => Ok(()),
        Some(name) if takes.is_empty() => {
            Err(format!("no route takes API keys, `{name}` neither: add \"api_key\" to its `auth`"))
        }
        Some(name) => {
            let takes = takes.join(", ");
            Err(format!("no route `{name}` takes API keys; those that do: {takes}"))
        }
    }
}

fn done(by: &Caller, action: &str, target: &str, fault: Option<&ApiKeyFault>) {
    let fault = fault.map(ToString::to_string);
    audit::admin_action(
        by.as_str(),
        action,
        target,
        usize::from(fault.is_none()),
        fault.as_deref(),
    );
}

fn refuse(fault: &ApiKeyFault) -> Response {
    let (status, code) = match fault {
        ApiKeyFault::Damaged { .. }
        | ApiKeyFault::File(_)
        | ApiKeyFault::Gone { .. }
        | ApiKeyFault::InUse { .. }
        | ApiKeyFault::Io(_)
        | ApiKeyFault::TakenOver { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store_failed"),
        ApiKeyFault::Full => (StatusCode::INSUFFICIENT_STORAGE, "full"),
        ApiKeyFault::Revoked(_) => (StatusCode::CONFLICT, "revoked"),
        ApiKeyFault::Unknown(_) => (StatusCode::NOT_FOUND, "unknown"),
    };
    no(status, code, &fault.to_string())
}
