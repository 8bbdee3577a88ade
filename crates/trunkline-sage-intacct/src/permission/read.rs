//! Reading the rights of the connected user, without side effects.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use trunkline_core::permission::Operation;
use trunkline_core::{Account, Cause, Cx, Diagnosis, Error, Session, printable};

use super::ask::{Answer, Asker, Given};
use super::probe;
use super::rights::{ByPermission, Entered, Held, Profile, SignIn, normal};
use crate::evidence::recast;
use crate::provider::CAPTURE_USER;
use crate::remedy;

/// Most groups and roles that are read for a user; a bound of ours.
const MAX_READS: usize = 64;

/// Most rows of one query, by the service's documentation.
const MAX_ROWS: usize = 4000;

/// The user's rights are read outside of the connection's entity, since an entity that is closed would hide them;
/// whether it is open, and what objects answer, is asked inside it.
pub(super) async fn read(
    cx: &Cx,
    session: &Session,
    account: &Account,
    operations: &[Operation],
) -> Result<Held, Error> {
    let outer = Asker { cx, session, in_entity: false };
    let inner = Asker { cx, session, in_entity: true };
    let login = Some(account.user.as_str()).filter(|user| !user.is_empty());
    let profile = match login.or_else(|| session.captures().get(CAPTURE_USER)) {
        Some(login) => profile(&outer, login).await?.map(Box::new),
        None => None,
    };
    let mut held = Held { profile, ..Held::default() };
    if let Some(entity) = session.endpoint().entity() {
        let id = printable(&String::from_utf8_lossy(entity.as_bytes()));
        held.entity = Some(Entered { id, refused: inner.session().await?.is_some() });
    }
    let closed = held.entity.as_ref().is_some_and(|entity| entity.refused);
    if !closed {
        probe::ask(&inner, &mut held, operations).await?;
    }
    // If everything was refused, it may be the application that is.
    let entered = held.entity.is_some() && !closed;
    let answered = entered || held.seen.values().any(|seen| seen.list.is_allowed());
    if held.profile.is_none()
        && !answered
        && let Some(diagnosis) = outer.session().await?
    {
        return Err(unadmitted(&diagnosis));
    }
    Ok(held)
}

/// Why a call was refused that needs no permission.
fn unadmitted(diagnosis: &Diagnosis) -> Error {
    let evidence = diagnosis.evidence();
    if diagnosis.cause() != Cause::PermissionMissing {
        return Error::from(diagnosis.clone());
    }
    let recast = recast(diagnosis, Cause::ClientNotAuthorized, remedy::CLIENT_OR_WEB_SERVICES);
    Error::from(match (&evidence.call, evidence.at) {
        (Some(call), Some(at)) => recast.during(call, at),
        _ => recast,
    })
}

/// `None` when the user may not see users.
async fn profile(asker: &Asker<'_>, login: &str) -> Result<Option<Profile>, Error> {
    const USER: &str = "company-config/user";
    let found = asker.query(USER, &["key", "id"], &json!({ "$eq": { "id": login } }), 2).await?;
    let Answer::Given(found) = found else { return Ok(None) };
    // Sage may compare without case: the login that is meant is the one that is equal.
    let row = found.rows().iter().find(|row| row.get("id").and_then(Value::as_str) == Some(login));
    let Some(key) = row.and_then(|row| key_of(row.get("key")?)) else { return Ok(None) };
    let Answer::Given(user) = asker.get(USER, &key).await? else { return Ok(None) };
    let user = user.result();
    let text = |name: &str| user.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("id") != login {
        return Ok(None);
    }
    let mut profile = Profile {
        // Stands in texts for people.
        user_type: printable(text("userType")),
        administrates: !matches!(text("adminPrivileges"), "" | "off"),
        entities: restriction(user),
        is_unrestricted: unrestricted(user) == Some(true),
        // A list that is missing is no empty list.
        partial: !is_list(user, "roles") && !is_list(user, "permissionAssignments"),
        ..Profile::default()
    };
    let by_key = catalogue(asker, &mut profile).await?;
    for item in items(user, "permissionAssignments") {
        grant(&mut profile, &by_key, item, None);
    }
    let mut roles: BTreeSet<String> = items(user, "roles").iter().filter_map(role_key).collect();
    let groups = groups(asker, &key, &mut profile).await?;
    let mut left = MAX_READS;
    for group in groups {
        let Some(group) = one(asker, "company-config/user-group", &group, &mut left, &mut profile).await?
        else {
            continue;
        };
        profile.partial |= !is_list(group.result(), "roles");
        roles.extend(items(group.result(), "roles").iter().filter_map(role_key));
    }
    for role in roles {
        let Some(role) = one(asker, "company-config/role", &role, &mut left, &mut profile).await? else {
            continue;
        };
        let role = role.result();
        let limit = match role.get("applyTo").and_then(Value::as_str) {
            Some("loginOnly") => Some(SignIn::Login),
            Some("slideInOnly") => Some(SignIn::SlideIn),
            _ => None,
        };
        profile.partial |= !is_list(role, "rolePermissionAssignments");
        for item in items(role, "rolePermissionAssignments") {
            grant(&mut profile, &by_key, item, limit);
        }
    }
    Ok(Some(profile))
}

/// A record, unless it is refused or the bound is reached: then the profile is partial.
async fn one(
    asker: &Asker<'_>,
    object: &str,
    key: &str,
    left: &mut usize,
    profile: &mut Profile,
) -> Result<Option<Given>, Error> {
    if let Some(rest) = left.checked_sub(1) {
        *left = rest;
        if let Answer::Given(record) = asker.get(object, key).await? {
            return Ok(Some(record));
        }
    }
    profile.partial = true;
    Ok(None)
}

/// Fills in the catalogue; answers module and name of each key, which a user's own assignments do not tell.
async fn catalogue(
    asker: &Asker<'_>,
    profile: &mut Profile,
) -> Result<HashMap<String, (String, String)>, Error> {
    let fields = &["key", "module", "name"];
    let answer = asker.query("company-config/permission", fields, &Value::Null, MAX_ROWS).await?;
    let mut by_key = HashMap::new();
    let mut names: ByPermission<String> = HashMap::new();
    if let Answer::Given(answer) = answer {
        let mut whole = !answer.has_more();
        for row in answer.rows() {
            let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(key), Some(module), Some(name)) =
                (row.get("key").and_then(key_of), text("module"), text("name"))
            {
                names.entry(module.clone()).or_default().insert(name.clone(), key.clone());
                by_key.insert(key, (module, name));
            } else {
                whole = false;
            }
        }
        // Reading it takes a permission of administration: a list without that module is not the whole one.
        profile.catalogue = Some(names).filter(|names| names.contains_key("administration") && whole);
    }
    Ok(by_key)
}

async fn groups(asker: &Asker<'_>, user: &str, profile: &mut Profile) -> Result<BTreeSet<String>, Error> {
    const FIELD: &str = "userGroup.key";
    let filter = json!({ "$eq": { "user.key": user } });
    match asker.query("company-config/user-group-member", &[FIELD], &filter, MAX_ROWS).await? {
        Answer::Given(answer) => {
            let keys: Vec<_> = answer.rows().iter().map(|row| key_of(row.get(FIELD)?)).collect();
            profile.partial |= answer.has_more() || keys.contains(&None);
            Ok(keys.into_iter().flatten().collect())
        }
        Answer::Refused(_) | Answer::NotThere => {
            profile.partial = true;
            Ok(BTreeSet::new())
        }
    }
}

/// Adds what an assignment gives. One whose permission cannot be told makes the profile partial.
fn grant(
    profile: &mut Profile,
    by_key: &HashMap<String, (String, String)>,
    item: &Value,
    limit: Option<SignIn>,
) {
    let permission = item.get("permission");
    let text = |name: &str| permission?.get(name)?.as_str().map(str::to_owned);
    let stated = text("module").zip(text("name"));
    let looked_up = || by_key.get(&key_of(permission?.get("key")?)?).cloned();
    let Some((module, name)) = stated.or_else(looked_up) else {
        // One that the whole catalogue lacks belongs to an application that the company gave up.
        profile.partial |= profile.catalogue.is_none();
        return;
    };
    let grants = profile.grants.entry(module).or_default().entry(name).or_default();
    let rights = match limit {
        Some(kind) => grants.perhaps.entry(kind).or_default(),
        None => &mut grants.sure,
    };
    rights.extend(
        items(item, "accessRights").iter().filter_map(Value::as_str).map(|right| normal(right).to_owned()),
    );
}

/// Whether a user may work in every entity, as far as that is said.
fn unrestricted(user: &Value) -> Option<bool> {
    user.get("entityAccess")?.get("allowUnrestrictedAccess")?.as_bool()
}

/// The entities that a user is restricted to.
fn restriction(user: &Value) -> Option<BTreeSet<String>> {
    if unrestricted(user) != Some(false) {
        return None;
    }
    let ids = |name| items(user, name).iter().filter_map(|item| item.get("id")?.as_str()).map(str::to_owned);
    let entities: BTreeSet<String> = ids("entities").collect();
    // The deprecated list of the same meaning.
    Some(if entities.is_empty() { ids("locations").collect() } else { entities })
}

fn is_list(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(Value::is_array)
}

fn items<'a>(value: &'a Value, list: &str) -> &'a [Value] {
    value.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The key of a role in a user's or group's list, which holds the role or a record with it.
fn role_key(item: &Value) -> Option<String> {
    item.get("role").and_then(|role| key_of(role.get("key")?)).or_else(|| key_of(item.get("key")?))
}

/// A key that may stand in a path.
pub(super) fn key_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(text)
}
