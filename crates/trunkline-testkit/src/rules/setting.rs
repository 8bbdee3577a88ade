//! Settings, names, and what is claimed.

use trunkline_core::settings::Value;
use trunkline_core::{Cause, ConsentKind, ErrorKind, Probe, Registry, Revoked};

use super::Played;
use crate::profile::Ability;
use crate::rule::Verdict;
use crate::stage::{Fruit, Op, Stage, ensure, settings};

const UNKNOWN: &str = "trunkline_testkit_unknown";

pub(super) async fn config_rejects_unknown_fields(stage: &Stage) -> Played {
    let file = settings::file(&stage.profile, &format!("{UNKNOWN} = 1\n{}", stage.settings));
    let read = (stage.profile.configured)(&file);
    let refused = match read.and_then(|config| config.connectors().map(drop)) {
        Err(error) => error,
        Ok(()) => return Err(format!("the setting `{UNKNOWN}` is accepted").into()),
    };
    ensure!(stage, refused.to_string().contains(UNKNOWN), "the error does not name the setting: {refused}");
    stage.hides("the error about a setting", &format!("{refused} {refused:?}"))?;
    // A secret whose quotes were forgotten, or that became a list, is not quoted back.
    let table = settings::table(&stage.settings)?;
    for (key, value) in &table {
        let Value::Text(text) = value else { continue };
        if stage.leaks.find(text).is_empty() {
            continue;
        }
        let mut wrong = table.clone();
        wrong.insert(key.clone(), Value::List(vec![value.clone()]));
        if stage.registration().is_some() {
            let error = match settings::read(&stage.profile, wrong) {
                Err(error) => error,
                Ok(_) => return Err(format!("`{key}` is accepted as a list").into()),
            };
            stage.hides("the error about a secret of the wrong type", &format!("{error} {error:?}"))?;
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn name_matches_registry(stage: &Stage) -> Played {
    let info = stage.connector.info();
    match stage.registration() {
        Some(registration) => {
            ensure!(
                stage,
                registration.info == *info,
                "the connector's facts are not the registered ones: {info:?} and {:?}",
                registration.info
            );
            if let Some(of_type) = stage.profile.info {
                ensure!(stage, *of_type == *info, "the settings' type has other facts than the connector");
            }
        }
        None if stage.profile.reads_otherwise => {}
        None => return Err(format!("no provider is registered as {}", stage.profile.provider).into()),
    }
    Registry::global().check().map_err(|error| error.to_string())?;
    ensure!(stage, !info.title.is_empty(), "the title is empty");
    ensure!(stage, !info.methods.is_empty(), "no way to hold a grant is listed");
    for method in stage.methods()? {
        let named = stage.auth(method)?.method();
        ensure!(stage, named == method, "auth(\"{method}\") is a way called {named}");
    }
    let default = stage.connector.auth(None).ok_or("there is no default way to hold a grant")?.method();
    ensure!(stage, info.methods.contains(&default), "the default way {default} is not listed");
    let unknown = stage.connector.auth(Some("trunkline-testkit"));
    ensure!(stage, unknown.is_none(), "a way to hold a grant that nobody knows is answered");
    Ok(Verdict::Held)
}

pub(super) async fn every_claimed_capability_works(stage: &Stage) -> Played {
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        let identified = stage.attempt_with(method, &connected, Op::Identify, None).await?;
        ensure!(stage, identified.result.is_ok(), "{}: {:?}", identified.what, identified.result);
        if stage.gives_refresh_token(method)? {
            let kept = connected.grant.credential.refresh_token.is_some();
            ensure!(stage, kept, "{method}: the refresh token that came is not kept");
        }
        if stage.claims(Op::Probe) {
            let probed = stage.attempt_with(method, &connected, Op::Probe, None).await?;
            let alive = matches!(probed.result, Ok(Fruit::Probe(Probe::Alive)));
            ensure!(stage, alive, "{}: {:?}", probed.what, probed.result);
            ensure!(stage, probed.requests.len() == 1, "{}: {} requests", probed.what, probed.requests.len());
        }
        if stage.claims(Op::Refresh) {
            let renewed = stage.attempt_with(method, &connected, Op::Refresh, None).await?;
            let grant = renewed.grant()?.clone();
            let is_new = grant.credential.access_token != connected.grant.credential.access_token;
            ensure!(stage, is_new, "{}: the access token is the old one", renewed.what);
            let auth = stage.auth(method)?;
            let again = stage.use_grant(auth, grant, connected.inputs.clone()).await?;
            let identified = stage.attempt_with(method, &again, Op::Identify, None).await?;
            ensure!(stage, identified.result.is_ok(), "after a renewal, {:?}", identified.result);
            ensure!(stage, stage.service.reused() == 0, "{method}: a spent refresh token came again");
        }
        if stage.claims(Op::Revoke) {
            let connected = stage.connected(method).await?;
            let before = stage.service.revoked();
            let revoked = stage.attempt_with(method, &connected, Op::Revoke, None).await?;
            let is_done = matches!(revoked.result, Ok(Fruit::Revoked(Revoked::Done)));
            ensure!(stage, is_done, "{}: {:?}", revoked.what, revoked.result);
            ensure!(stage, stage.service.revoked() == before + 1, "{method}: the grant still lives");
        }
    }
    if stage.profile.lack(Ability::Permissions).is_none() {
        ensure!(stage, stage.connector.permissions().is_some(), "there is no map of permissions");
    }
    Ok(Verdict::Held)
}

pub(super) async fn unclaimed_capability_is_unsupported(stage: &Stage) -> Played {
    if stage.profile.lacks.is_empty() {
        return Ok(Verdict::Inapplicable("everything is claimed".to_owned()));
    }
    let lacks = |ability| stage.profile.lack(ability).is_some();
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        let ops = [Op::Refresh, Op::Revoke, Op::Probe];
        for op in ops.into_iter().filter(|op| !stage.claims(*op)) {
            let attempt = stage.attempt_with(method, &connected, op, None).await?;
            let says_so = match &attempt.result {
                Ok(Fruit::Probe(probe)) => *probe == Probe::NotSupported,
                Ok(Fruit::Revoked(revoked)) => *revoked == Revoked::NotSupported,
                Ok(_) => false,
                Err(error) => op == Op::Refresh && error.cause() == Some(Cause::RefreshTokenMissing),
            };
            ensure!(stage, says_so, "{} is not claimed: {:?}", attempt.what, attempt.result);
            ensure!(
                stage,
                attempt.requests.is_empty(),
                "{} is not claimed, and asks the service",
                attempt.what
            );
        }
        if lacks(Ability::Expiry) {
            let end = &connected.grant.credential.access_expires_at;
            ensure!(stage, end.is_none(), "{method}: an end of access tokens is not claimed: {end:?}");
        }
        if lacks(Ability::GrantedScopes) {
            let scopes = &connected.grant.credential.scopes;
            ensure!(stage, scopes.is_none(), "{method}: scopes are not claimed: {scopes:?}");
        }
    }
    if lacks(Ability::Permissions) {
        ensure!(stage, stage.connector.permissions().is_none(), "a map of permissions is not claimed");
    }
    if lacks(Ability::Pkce) {
        for method in stage.methods_by(ConsentKind::Redirect)? {
            let consent = stage.consent(&*stage.auth(method)?, 0).await?;
            let challenged =
                consent.url().is_some_and(|url| url.query_pairs().any(|(name, _)| name == "code_challenge"));
            ensure!(stage, !challenged, "{method}: PKCE is not claimed, and used");
        }
    }
    // What is left is about answers of the service that do not come: nothing is there that could be unsupported.
    stage.count_check();
    Ok(Verdict::Held)
}

pub(super) async fn missing_input_is_named(stage: &Stage) -> Played {
    let mut asked = 0;
    for method in stage.methods()? {
        let auth = stage.auth(method)?;
        if auth.inputs().is_empty() {
            continue;
        }
        asked += 1;
        let mut consent = stage.consent(&*auth, 0).await?;
        consent.forget_inputs();
        let before = stage.service.received_count();
        let completed = auth.complete(&stage.token_cx(), &consent.answer).await;
        let sent = stage.service.received_count() - before;
        // All inputs may be optional: then nothing is missing.
        if let Err(error) = completed {
            let named =
                error.cause() == Some(Cause::InputMissing) || error.kind() == ErrorKind::ConfigInvalid;
            ensure!(stage, named, "{method}: without its inputs: {error}");
            ensure!(stage, sent == 0, "{method}: without its inputs, the service is asked");
        }
        for input in auth.inputs() {
            ensure!(stage, !input.title.is_empty(), "{method}: the input {} has no title", input.name);
        }
    }
    match asked {
        0 => Ok(Verdict::Inapplicable("no way to hold a grant has inputs".to_owned())),
        _ => Ok(Verdict::Held),
    }
}
