//! The control API over HTTP, for programs that are no Rust tests; routes stand in the module docs.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::authorize::Consent;
use super::{Control, Inner};
use crate::control::{NotFound, command_of, done, patched, value_of};
use crate::exchange::{Call, Reply};

/// Every body the routes take; a route reads the members it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Command {
    user: String,
    company: String,
    client_id: String,
    secret: String,
    token: String,
    family: u64,
    role: String,
    module: String,
    permission: String,
    name: String,
    rights: Vec<String>,
    user_type: String,
    permission_type: Option<super::PermissionType>,
    on: bool,
    authorize_url: Option<Url>,
}

pub(crate) fn answer(inner: &Arc<Inner>, call: &Call, route: &str) -> Reply {
    let control = inner.control();
    if (call.method.as_str(), route) == ("POST", "consent") {
        return consent(inner, call);
    }
    let result = control.common_route(call, route).unwrap_or_else(|| match call.method.as_str() {
        "GET" => read(&control, route),
        "PATCH" if route == "knobs" => patch_knobs(&control, &call.body),
        "POST" => post(&control, call, route),
        _ => Err("no such route".to_owned()),
    });
    match result {
        Ok(body) => Reply::json(200, &body),
        Err(problem) => Reply::json(400, &json!({ "error": problem })),
    }
}

fn read(control: &Control, route: &str) -> Result<Value, String> {
    match route {
        "families" => value_of(&control.families()),
        "knobs" => value_of(&control.inner.world().knobs),
        _ => Err("no such route".to_owned()),
    }
}

fn patch_knobs(control: &Control, body: &[u8]) -> Result<Value, String> {
    let new = patched(&control.inner.world().knobs, body)?;
    control.knobs(|knobs| *knobs = new);
    read(control, "knobs")
}

fn post(control: &Control, call: &Call, route: &str) -> Result<Value, String> {
    let command: Command = command_of(call)?;
    let (user, company) = (command.user.as_str(), command.company.as_str());
    let text = |error: NotFound| error.to_string();
    check_names(control, route, &command)?;
    match route {
        "revoke" => control.revoke_grants(user, company),
        "supersede" => control.supersede_grants(user, company, &command.client_id),
        "ui-login" => control.ui_login(user, company),
        "lock-user" => control.lock_user(user, company).map_err(text)?,
        "unlock-user" => control.unlock_user(user, company).map_err(text)?,
        "set-user-type" => control.set_user_type(user, company, &command.user_type).map_err(text)?,
        "change-role" => control.change_role(user, company, &command.role).map_err(text)?,
        "set-permission-type" => {
            let wanted = command.permission_type.ok_or("permission_type is missing")?;
            control.set_permission_type(company, wanted);
        }
        "set-permissions" => {
            let rights: Vec<&str> = command.rights.iter().map(String::as_str).collect();
            let permission = (command.module.as_str(), command.permission.as_str());
            control.set_permissions(company, &command.role, permission, &rights).map_err(text)?;
        }
        "add-permission" => control.add_permission(company, &command.module, &command.permission),
        "rename-permission" => {
            let permission = (command.module.as_str(), command.permission.as_str());
            control.rename_permission(company, permission, &command.name).map_err(text)?;
        }
        "set-address-admitted" => control.set_address_admitted(company, command.on),
        "set-account-override" => control.set_account_override(company, command.on),
        "unsubscribe" => control.unsubscribe(company, &command.module),
        "subscribe" => control.subscribe(company, &command.module),
        "deauthorise-client" => control.deauthorise_client(company, &command.client_id),
        "authorise-client" => {
            let user = (!user.is_empty()).then_some(user);
            control.authorise_client(company, &command.client_id, user);
        }
        "deauthorise-sender" => control.deauthorise_sender(company),
        "set-company-active" => control.set_company_active(company, command.on),
        "maintenance" => control.maintenance(command.on),
        "reject-access-token" => control.reject_access_token(&command.token).map_err(text)?,
        "reject-access-tokens" => control.reject_access_tokens(user, company),
        "end-family" => control.end_family(command.family).map_err(text)?,
        "set-client-secret" => control.set_client_secret(&command.client_id, &command.secret),
        "approve" | "deny" => return decide(control, &command, route == "approve"),
        _ => return Err("no such route".to_owned()),
    }
    Ok(done())
}

/// Refuses a name that would make a command do nothing, as a misspelt one would.
fn check_names(control: &Control, route: &str, command: &Command) -> Result<(), String> {
    let needs_user = matches!(route, "revoke" | "supersede" | "ui-login" | "reject-access-tokens");
    let needs_company = needs_user
        || matches!(
            route,
            "subscribe"
                | "unsubscribe"
                | "authorise-client"
                | "deauthorise-client"
                | "deauthorise-sender"
                | "set-company-active"
                | "set-permission-type"
                | "add-permission"
                | "set-address-admitted"
                | "set-account-override"
        );
    let world = control.inner.world();
    if needs_company {
        let company = &command.company;
        let found =
            world.companies.get(company).ok_or_else(|| format!("simulator has no company {company}"))?;
        let user = &command.user;
        if (needs_user || !user.is_empty()) && found.user(user).is_none() {
            return Err(format!("simulator has no user {user} in {company}"));
        }
    }
    if route == "set-client-secret" && world.app(&command.client_id).is_none() {
        return Err(format!("simulator has no client {}", command.client_id));
    }
    Ok(())
}

fn decide(control: &Control, command: &Command, approve: bool) -> Result<Value, String> {
    let url = command.authorize_url.as_ref().ok_or("authorize_url is missing")?;
    let (default_user, default_company) = control.inner.world().default_user.clone();
    let or = |given: &str, default: String| if given.is_empty() { default } else { given.to_owned() };
    let decision = if approve {
        Some((or(&command.user, default_user), or(&command.company, default_company)))
    } else {
        None
    };
    let callback = control.inner.decide(url, decision).map_err(|error| error.to_string())?;
    Ok(json!({ "callback": callback }))
}

/// The form of the consent page.
fn consent(inner: &Inner, call: &Call) -> Reply {
    let field = |name: &str| call.field(name).unwrap_or_default();
    let now_s = inner.front.clock.now_s();
    let mut world = inner.world();
    let consent = match Consent::parse(&world, &field("query")) {
        Ok(consent) => consent,
        Err(untrusted) => return Reply::html(400, untrusted.text()),
    };
    if field("decision") != "accept" {
        return Reply::redirect(consent.deny().as_str());
    }
    let (user, company) = (field("user"), field("company"));
    let password = world.companies.get(&company).and_then(|company| company.passwords.get(&user));
    if password.is_none_or(|password| *password != field("password")) {
        return Reply::html(401, "The company ID, user ID or password is wrong");
    }
    Reply::redirect(consent.approve(&mut world, &user, &company, now_s).as_str())
}
