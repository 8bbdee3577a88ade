//! The map of permissions.

mod denied;

use std::collections::HashSet;

use trunkline_core::http::Method;
use trunkline_core::permission::{
    Action, Certainty, Operation, Outgoing, Permission, PermissionMap, Rights, Verdict as Judged,
};
use trunkline_core::{Account, Cause, Clock as _, Diagnosis};

use super::Played;
use crate::profile::Ability;
use crate::rule::{Failure, Verdict};
use crate::stage::{Fruit, Op, Stage, ensure};

/// Most operations that are read at once.
const READ_AT_ONCE: usize = 12;

/// Rights of nobody's map.
struct Nothing;

pub(super) async fn permission_map_is_consistent(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Permissions) {
        return Ok(Verdict::Inapplicable(why));
    }
    let map = stage.connector.permissions().ok_or("there is no map of permissions")?;
    let known = map.known();
    ensure!(stage, !known.is_empty(), "the map knows no operation");
    let unique: HashSet<_> = known.iter().collect();
    ensure!(stage, unique.len() == known.len(), "an operation is listed twice");
    for operation in &known {
        let read = operation.to_string().parse::<Operation>().ok();
        ensure!(stage, read.as_ref() == Some(operation), "{operation} is not read back from its spelling");
        needs(stage, map, operation)?;
        refuses(stage, map, operation)?;
        without_rights(stage, map, operation)?;
        least_role(stage, map, std::slice::from_ref(operation))?;
    }
    least_role(stage, map, &known)?;
    let unknown = Operation::new(Action::named("trunkline_testkit"), "trunkline-testkit/nothing");
    ensure!(
        stage,
        map.need(&unknown).is_err(),
        "an operation that the service does not have needs something"
    );
    let role = map.least_role("r", std::slice::from_ref(&unknown), None);
    ensure!(stage, role.is_err(), "there is a role for an operation that the service does not have");
    requests(stage, map)?;
    reads(stage, map, &known).await?;
    denied::denied(stage, map, &known).await?;
    Ok(Verdict::Held)
}

fn is_described(permission: &Permission) -> bool {
    [&permission.name, &permission.set_at, &permission.set_by].into_iter().all(|text| !text.trim().is_empty())
}

fn needs(stage: &Stage, map: &dyn PermissionMap, operation: &Operation) -> Result<(), Failure> {
    let need = map.need(operation).map_err(|error| format!("{operation} is listed, and {error}"))?;
    for alternative in &need.any_of {
        ensure!(
            stage,
            !alternative.is_empty(),
            "{operation}: an alternative of no permission opens everything"
        );
    }
    for permission in need.any_of.iter().flatten().chain(&need.scopes) {
        ensure!(
            stage,
            is_described(permission),
            "{operation}: {permission:?} does not say where and by whom it is set"
        );
    }
    Ok(())
}

/// A refusal is not permitted by anything, and one that is not about permissions says nothing of them.
fn refuses(stage: &Stage, map: &dyn PermissionMap, operation: &Operation) -> Result<(), Failure> {
    let missing = map.refused(operation, &Diagnosis::new(Cause::PermissionMissing), None);
    ensure!(stage, !missing.is_allowed(), "{operation}: the service refused it, and the map allows it");
    missing_is_named(stage, operation, &missing)?;
    for cause in
        [Cause::RateLimited, Cause::ServiceUnavailable, Cause::OutcomeUnknown, Cause::AccessTokenExpired]
    {
        let verdict = map.refused(operation, &Diagnosis::new(cause), None);
        let silent = matches!(verdict, Judged::Unknown(_));
        ensure!(stage, silent, "{operation}: {cause} is taken for a word about permissions: {verdict:?}");
    }
    Ok(())
}

fn missing_is_named(stage: &Stage, operation: &Operation, verdict: &Judged) -> Result<(), Failure> {
    if let Judged::Denied { missing } = verdict {
        ensure!(stage, !missing.is_empty(), "{operation} is denied, and nothing is missing");
        ensure!(
            stage,
            missing.iter().all(is_described),
            "{operation}: what is missing is not described: {missing:?}"
        );
    }
    Ok(())
}

fn without_rights(stage: &Stage, map: &dyn PermissionMap, operation: &Operation) -> Result<(), Failure> {
    let nothing = Rights::new(Nothing, stage.clock.wall());
    ensure!(stage, !map.covers(&nothing, operation), "{operation}: rights that were never read cover it");
    let verdict = map.judge(&nothing, operation);
    let guessed = match verdict {
        Judged::Unknown(_) => false,
        Judged::Denied { .. } => true,
        Judged::Allowed => map.need(operation).is_ok_and(|need| !need.any_of.is_empty()),
    };
    ensure!(stage, !guessed, "{operation} is judged by rights that were never read: {verdict:?}");
    Ok(())
}

/// The role opens each operation, as far as it is known what opens it.
fn least_role(stage: &Stage, map: &dyn PermissionMap, operations: &[Operation]) -> Result<(), Failure> {
    let role = map.least_role("trunkline-testkit", operations, None);
    let role = role.map_err(|error| format!("there is no role for operations that are listed: {error}"))?;
    ensure!(stage, role.name == "trunkline-testkit", "the role has another name than was asked for");
    ensure!(stage, !role.steps.is_empty(), "the role says nothing of how it is made");
    for operation in operations {
        let Ok(need) = map.need(operation) else { continue };
        if need.any_of.is_empty() || need.certainty == Certainty::Assumed {
            continue;
        }
        let opens = |alternative: &Vec<Permission>| {
            alternative
                .iter()
                .all(|permission| role.permissions.iter().any(|held| held.name == permission.name))
        };
        ensure!(stage, need.any_of.iter().any(opens), "the least role for {operation} does not open it");
    }
    Ok(())
}

/// A request that nobody knows is no operation that the map allows by itself, and nothing panics.
fn requests(stage: &Stage, map: &dyn PermissionMap) -> Result<(), Failure> {
    for method in [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for path in
            ["/", "", "/x", "//", "/../x", "/trunkline-testkit/nothing/1", "/%00", "/objects/", "/services/"]
        {
            for body in [&b""[..], b"{", b"[]", b"null", b"{\"compositeRequest\":[null]}", b"\xff"] {
                let outgoing = Outgoing { method: &method, path, body };
                stage.count_check();
                let Ok(operations) = map.operations(&outgoing) else { continue };
                let unique: HashSet<_> = operations.iter().collect();
                ensure!(
                    stage,
                    unique.len() == operations.len(),
                    "{method} {path}: an operation is named twice"
                );
            }
        }
    }
    Ok(())
}

/// Reading changes nothing, covers what it was read for, and what is judged by it says what is missing.
async fn reads(stage: &Stage, map: &dyn PermissionMap, known: &[Operation]) -> Result<(), Failure> {
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        let identified = stage.attempt_with(method, &connected, Op::Identify, None).await?;
        let account = match identified.result {
            Ok(Fruit::Account(account)) => account,
            _ => Account::default(),
        };
        let some = &known[..known.len().min(READ_AT_ONCE)];
        let before = stage.service.received_count();
        let read = map.read(&stage.api_cx(), &connected.session, &account, some).await;
        for request in stage.service.received_after(before) {
            let (verb, path) = (request.sent.method.as_str(), request.sent.url.path());
            ensure!(stage, stage.is_read(verb, path), "{method}: {verb} {path} may change something");
        }
        let rights = match read {
            Ok(rights) => rights,
            Err(error) => {
                ensure!(
                    stage,
                    error.diagnosis().is_some(),
                    "{method}: rights cannot be read, without a diagnosis: {error}"
                );
                continue;
            }
        };
        ensure!(stage, rights.read_at() <= stage.clock.wall(), "{method}: the rights are of the future");
        for operation in some {
            ensure!(
                stage,
                map.covers(&rights, operation),
                "{operation}: the rights that were read for it do not cover it"
            );
            let verdict = map.judge(&rights, operation);
            missing_is_named(stage, operation, &verdict)?;
            ensure!(
                stage,
                map.judge(&rights, operation) == verdict,
                "{operation} is judged twice in two ways"
            );
        }
    }
    Ok(())
}
