//! The map against refusals that were seen.

use trunkline_core::Account;
use trunkline_core::permission::{Operation, Outgoing, PermissionMap, Rights, Verdict as Judged};

use super::missing_is_named;
use crate::rule::Failure;
use crate::rules::fixture::{Denial, denials};
use crate::stage::{Fruit, Op, Stage, ensure};

/// Each refusal leads from its request to the operation, and from the operation to what is missing.
pub(super) async fn denied(
    stage: &Stage,
    map: &dyn PermissionMap,
    known: &[Operation],
) -> Result<(), Failure> {
    let denials = denials(stage)?;
    // Those that are made are not made of permissions.
    let is_needed = stage.profile.fixtures.is_some() && stage.profile.cases.is_empty();
    ensure!(
        stage,
        !denials.is_empty() || !is_needed,
        "no fixture names an operation that the service refused (`denies` in expect.json)"
    );
    for denial in &denials {
        let name = &denial.name;
        let operations = operations(stage, map, denial).await?;
        for operation in &denial.operations {
            ensure!(
                stage,
                operations.contains(operation),
                "{name}: {} {} is {operation}, and the map takes it for {operations:?}",
                denial.method,
                denial.path
            );
            ensure!(stage, known.contains(operation), "{name}: the map does not know {operation}");
            let rights = match denial.rights.is_empty() {
                true => None,
                false => Some(lacking(stage, map, denial, operation).await?),
            };
            let verdict = map.refused(operation, &denial.diagnosis, rights.as_ref());
            is_denied(
                stage,
                &format!("{name}: {operation} was refused, and `refused` says"),
                operation,
                &verdict,
            )?;
        }
    }
    Ok(())
}

/// What the map takes the request for.
async fn operations(
    stage: &Stage,
    map: &dyn PermissionMap,
    denial: &Denial,
) -> Result<Vec<Operation>, Failure> {
    let connected = stage.connected(stage.methods()?[0]).await?;
    let base = connected.session.endpoint().base().path().trim_end_matches('/').to_owned();
    // A fixture may say the whole path, as it was seen.
    let path = denial.path.strip_prefix(&base).filter(|rest| rest.starts_with('/')).unwrap_or(&denial.path);
    let outgoing = Outgoing { method: &denial.method, path, body: denial.request.as_bytes() };
    let operations = map.operations(&outgoing);
    operations.map_err(|unknown| {
        Failure(format!(
            "{}: {} {path} is no operation that the map knows: {unknown}",
            denial.name, denial.method
        ))
    })
}

/// The rights of a user who is refused so: by them, too, the operation is denied.
async fn lacking(
    stage: &Stage,
    map: &dyn PermissionMap,
    denial: &Denial,
    operation: &Operation,
) -> Result<Rights, Failure> {
    let method = stage.methods()?[0];
    let connected = stage.connected(method).await?;
    let account = match stage.attempt_with(method, &connected, Op::Identify, None).await?.result {
        Ok(Fruit::Account(account)) => account,
        _ => Account::default(),
    };
    stage.service.answers_rights(&denial.rights);
    let read = map.read(&stage.api_cx(), &connected.session, &account, std::slice::from_ref(operation)).await;
    stage.service.answers_rights(&[]);
    let rights = read.map_err(|error| format!("{}: the rights are not read: {error}", denial.name))?;
    let verdict = map.judge(&rights, operation);
    let what = format!("{}: a user with these rights was refused {operation}, and `judge` says", denial.name);
    is_denied(stage, &what, operation, &verdict)?;
    Ok(rights)
}

fn is_denied(stage: &Stage, what: &str, operation: &Operation, verdict: &Judged) -> Result<(), Failure> {
    ensure!(stage, matches!(verdict, Judged::Denied { .. }), "{what} {verdict:?}");
    missing_is_named(stage, operation, verdict)
}
