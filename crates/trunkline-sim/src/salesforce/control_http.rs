//! The control API over HTTP, for programs that are no Rust tests; routes stand in the module docs.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::gateway::Door;
use super::org::{Shared, Sharing};
use super::{Control, authorize, seed};
use crate::control::{NotFound, command_of, done, patched, value_of};
use crate::exchange::{Call, Reply};

/// Every body the routes take; a route reads the members it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Command {
    org: String,
    username: String,
    profile: String,
    permission_set: String,
    object: String,
    field: String,
    kind: String,
    permission: String,
    name: String,
    rights: Vec<String>,
    scopes: Vec<String>,
    on: bool,
    sharing: Option<Sharing>,
    share: Option<Shared>,
    record: String,
    fields: Value,
    client_id: String,
    secret: String,
    token: String,
    family: u64,
    authorize_url: Option<Url>,
    xml: String,
}

pub(crate) fn answer(door: &Door, call: &Call, route: &str) -> Reply {
    let control = door.inner.control();
    if (call.method.as_str(), route) == ("POST", "consent") {
        return authorize::consent_form(&mut door.inner.world(), &door.host, call);
    }
    let result = control.common_route(call, route).unwrap_or_else(|| match call.method.as_str() {
        "GET" => read(&control, route),
        "PATCH" => patch(&control, &call.body, route),
        "POST" => command_of(call).and_then(|command| post(&control, &command, route)),
        _ => Err("no such route".to_owned()),
    });
    match result {
        Ok(body) => Reply::json(200, &body),
        Err(problem) => Reply::json(400, &json!({ "error": problem })),
    }
}

fn read(control: &Control, route: &str) -> Result<Value, String> {
    let world = control.inner.world();
    let missing = || NotFound(route.to_owned()).to_string();
    match route.split_once('/') {
        None if route == "families" => {
            drop(world);
            value_of(&control.families())
        }
        None if route == "violations" => value_of(&world.violations),
        None if route == "knobs" => value_of(&world.knobs),
        Some(("apps", client_id)) => value_of(world.app(client_id).ok_or_else(missing)?),
        Some(("orgs", org)) => value_of(&world.org(org).ok_or_else(missing)?.policy),
        Some(("users", username)) => {
            let who = world.by_username(username).ok_or_else(missing)?;
            value_of(&world.user(&who).ok_or_else(missing)?.policy)
        }
        _ => Err("no such route".to_owned()),
    }
}

/// Members in place of those of the knobs, an app, an org or a user.
fn patch(control: &Control, body: &[u8], route: &str) -> Result<Value, String> {
    let current = read(control, route)?;
    let whole: Value = patched(&current, body)?;
    let read_as = |error: serde_json::Error| error.to_string();
    let text = |error: NotFound| error.to_string();
    match route.split_once('/') {
        Some(("apps", client_id)) => {
            let new = serde_json::from_value(whole).map_err(read_as)?;
            control.app(client_id, |app| *app = new).map_err(text)?;
        }
        Some(("orgs", org)) => {
            let new = serde_json::from_value(whole).map_err(read_as)?;
            control.org(org, |policy| *policy = new).map_err(text)?;
        }
        Some(("users", username)) => {
            let new = serde_json::from_value(whole).map_err(read_as)?;
            control.user(username, |policy| *policy = new).map_err(text)?;
        }
        _ => {
            let new = serde_json::from_value(whole).map_err(read_as)?;
            control.knobs(|knobs| *knobs = new);
        }
    }
    read(control, route)
}

fn post(control: &Control, command: &Command, route: &str) -> Result<Value, String> {
    let (org, username, set) =
        (command.org.as_str(), command.username.as_str(), command.permission_set.as_str());
    let rights: Vec<&str> = command.rights.iter().map(String::as_str).collect();
    let scopes: Vec<&str> = command.scopes.iter().map(String::as_str).collect();
    let named = |id: Result<String, NotFound>| id.map(|id| json!({ "id": id }));
    let result = match route {
        "deploy-permission-set" => {
            let deployed = control.deploy_permission_set(org, &command.name, &command.xml);
            return deployed.map(|id| json!({ "id": id })).map_err(|error| error.to_string());
        }
        "approve" | "deny" => return decide(control, command, route == "approve"),
        "add-user" => named(control.add_user(org, username, &command.profile)),
        "add-permission-set" => named(control.add_permission_set(org, &command.name)),
        "add-profile" => named(control.add_profile(org, &command.name)),
        "add-record" => named(control.add_record(username, &command.object, command.fields.clone())),
        other => {
            let result = match other {
                "set-client-secret" => control.set_client_secret(&command.client_id, &command.secret),
                "revoke" => control.revoke_grants(username),
                "end-family" => control.end_family(command.family),
                "narrow-family" => control.narrow_family(command.family, &scopes),
                "end-session" => control.end_session(&command.token),
                "end-sessions" => control.end_sessions(username),
                "rename-my-domain" => control.rename_my_domain(org),
                "assign" => control.assign(username, set),
                "unassign" => control.unassign(username, set),
                "set-object-permissions" => {
                    control.set_object_permissions(org, set, &command.object, &rights)
                }
                "set-field-permissions" => control.set_field_permissions(org, set, &command.field, &rights),
                "set-system-permission" => {
                    control.set_system_permission(org, set, &command.permission, command.on)
                }
                "set-sharing" => {
                    let sharing = command.sharing.ok_or("sharing is missing")?;
                    control.set_sharing(org, &command.object, sharing)
                }
                "share" => control.share(&command.record, username, command.share),
                "add-object" => control.add_object(org, &command.name),
                "add-field" => control.add_field(org, &command.object, &command.name, &command.kind),
                _ => return Err("no such route".to_owned()),
            };
            result.map(|()| done())
        }
    };
    result.map_err(|error| error.to_string())
}

fn decide(control: &Control, command: &Command, approve: bool) -> Result<Value, String> {
    let url = command.authorize_url.as_ref().ok_or("authorize_url is missing")?;
    let username = if command.username.is_empty() { seed::USER } else { &command.username };
    let decided = control.inner.decide(url, approve.then_some(username));
    decided.map(|callback| json!({ "callback": callback })).map_err(|error| error.to_string())
}
