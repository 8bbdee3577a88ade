//! Entities: which one a call is scoped to, and which rows are seen from there.

use serde_json::Value;

use super::envelope::ApiError;
use super::record::Record;
use super::session::Caller;
use super::state::{Session, World};
use crate::exchange::Call;

type Scope = (Option<String>, Option<Vec<String>>);

/// The one header that counts; every other spelling is ignored without complaint, as the service does.
const HEADER: &str = "x-ia-api-param-entity";

/// The entity of the call and the entities its user is restricted to.
pub(crate) fn scope(world: &World, session: &Session, call: &Call) -> Result<Scope, ApiError> {
    let Some(company) = world.companies.get(&session.company) else { return Ok((None, None)) };
    let (allowed, top_level) = company.user(&session.user).map_or((None, true), restriction);
    let named = call
        .header(HEADER)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .or_else(|| session.entity.clone());
    let entity = match (named, &allowed) {
        (Some(name), allowed) => {
            let permitted = allowed.as_ref().is_none_or(|allowed| allowed.contains(&name));
            if !permitted || !company.entities.contains(&name) {
                let refusal = &world.knobs.entity_refusal;
                let status = world.knobs.entity_refusal_status;
                return Err(ApiError::refusal(status, refusal, &[("entity", &name)]));
            }
            Some(name)
        }
        // A user of one entity without the top level signs straight into it.
        (None, Some(allowed)) if !top_level && allowed.len() == 1 => allowed.first().cloned(),
        (None, _) => None,
    };
    Ok((entity, allowed))
}

fn restriction(user: &Record) -> (Option<Vec<String>>, bool) {
    let flag = |name| user.fields.get("entityAccess")?.get(name)?.as_bool();
    if flag("allowUnrestrictedAccess") != Some(false) {
        return (None, true);
    }
    let ids = |list| -> Vec<String> {
        let id = |item: &Value| Some(item.get("id")?.as_str()?.to_owned());
        user.items(list).iter().filter_map(id).collect()
    };
    let mut allowed = ids("entities");
    if allowed.is_empty() {
        // The deprecated list of the same meaning.
        allowed = ids("locations");
    }
    let top_level = allowed.len() != 1 || flag("allowTopLevelAccess") == Some(true);
    (Some(allowed), top_level)
}

/// Whether a list or query shows the row.
pub(crate) fn lists(caller: &Caller, row: &Record, include_private: bool) -> bool {
    match (&row.entity, &caller.entity) {
        (None, _) => true,
        (Some(owner), Some(scope)) => owner == scope,
        (Some(_), None) => include_private && reaches(caller, row),
    }
}

/// Whether a row can be addressed by its key.
pub(crate) fn reaches(caller: &Caller, row: &Record) -> bool {
    let Some(owner) = &row.entity else { return true };
    let allowed = caller.allowed_entities.as_ref().is_none_or(|allowed| allowed.contains(owner));
    allowed && caller.entity.as_ref().is_none_or(|scope| scope == owner)
}
