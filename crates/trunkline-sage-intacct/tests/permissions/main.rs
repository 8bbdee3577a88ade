//! What the map says before a call, against what the simulated service does when it is made.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod common;
mod entity;
mod input;
mod least_role;
mod matrix;
mod refusals;
mod rights;

use std::sync::Arc;

use common::Rig;
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::permission::{Kind, Operation, PermissionMap, Rights, Verdict};
use trunkline_core::{Account, Captures, Grant, Inputs, Session, Transport};

const COMPANY: &str = "acme-corp";
const BILL: &str = "accounts-payable/bill";
const VENDOR: &str = "accounts-payable/vendor";

async fn sign_in(rig: &Rig, user: &str) -> Grant {
    let (begun, url) = rig.begin(Inputs::default()).await;
    let back = rig.simulator.approve_as(&url, user, COMPANY).await.unwrap();
    rig.complete(begun, &back, Inputs::default()).await.unwrap()
}

/// A session in an entity, as the hub scopes it; over a transport of the test's own if there is one.
fn session_in(
    rig: &Rig,
    grant: &Grant,
    entity: Option<&str>,
    transport: Option<Arc<dyn Transport>>,
) -> Session {
    let prepared = rig.auth.prepare(&grant.credential).unwrap();
    let endpoint = rig.connector.endpoint(&Captures::default()).unwrap();
    let endpoint = match entity {
        Some(entity) => Arc::new((*endpoint).clone().scoped_to(entity.parse().unwrap())),
        None => endpoint,
    };
    let transport = transport.unwrap_or_else(|| Arc::clone(&rig.transport));
    Session::new(
        transport,
        rig.cx.shared_clock(),
        Arc::clone(&rig.auth),
        endpoint,
        prepared,
        Captures::default(),
    )
}

fn map(rig: &Rig) -> &dyn PermissionMap {
    rig.connector.permissions().unwrap()
}

async fn read(rig: &Rig, grant: &Grant, user: &str, operations: &[Operation]) -> Rights {
    map(rig).read(&rig.cx, &rig.session(grant), &Account::new(COMPANY, user), operations).await.unwrap()
}

async fn verdict(rig: &Rig, user: &str, operation: &Operation) -> Verdict {
    let grant = sign_in(rig, user).await;
    map(rig).judge(&read(rig, &grant, user, std::slice::from_ref(operation)).await, operation)
}

/// The one permission that a verdict misses.
fn missing(verdict: Verdict) -> (Kind, String) {
    let Verdict::Denied { missing } = verdict else { panic!("{verdict:?}") };
    (missing[0].kind, missing.iter().map(|permission| permission.name.as_ref()).collect::<Vec<_>>().join(" "))
}

/// Makes the call without a chance to change anything: a record that is not there, a body that says nothing.
async fn call(rig: &Rig, client: &reqwest::Client, token: &str, operation: &Operation) -> StatusCode {
    call_in(rig, client, token, None, operation).await
}

/// The same in an entity.
async fn call_in(
    rig: &Rig,
    client: &reqwest::Client,
    token: &str,
    entity: Option<&str>,
    operation: &Operation,
) -> StatusCode {
    let object = |key: &str| format!("objects/{}{key}", operation.object());
    let (method, path) = match operation.action().as_str() {
        "list" => (Method::GET, object("")),
        "read" => (Method::GET, object("/999999")),
        "create" => (Method::POST, object("")),
        "update" => (Method::PATCH, object("/999999")),
        "delete" => (Method::DELETE, object("/999999")),
        action => (Method::POST, format!("workflows/{}/{action}", operation.object())),
    };
    let url = format!("{}ia/api/v1/{path}", rig.simulator.url());
    let mut request = client.request(method, url).bearer_auth(token).body(r#"{"key":"999999"}"#);
    if let Some(entity) = entity {
        request = request.header("x-ia-api-param-entity", entity);
    }
    request.send().await.unwrap().status()
}

/// The operations that the simulator serves.
async fn served(rig: &Rig, client: &reqwest::Client) -> Vec<Operation> {
    let grant = sign_in(rig, "integration").await;
    let token = grant.credential.access_token.clone().unwrap();
    let mut all = Vec::new();
    for operation in map(rig).known() {
        let status = call(rig, client, token.expose(), &operation).await;
        let absent = match operation.action().as_str() {
            "list" | "create" => status == StatusCode::NOT_FOUND,
            "read" | "update" | "delete" => false,
            // A record that is not there is answered by an action that is.
            _ => status != StatusCode::NOT_FOUND,
        };
        if status != StatusCode::METHOD_NOT_ALLOWED && !absent {
            all.push(operation);
        }
    }
    // An object that the simulator lacks answers 404 whatever is asked of it.
    let listed: Vec<String> =
        all.iter().filter(|it| it.action().as_str() == "list").map(|it| it.object().to_owned()).collect();
    all.retain(|operation| listed.iter().any(|object| object == operation.object()));
    all
}
