//! Who we are, and whether a token serves.

use trunkline_core::{Probe, Verdict as Concluded};

use super::Played;
use crate::profile::Ability;
use crate::rule::Verdict;
use crate::stage::{Fruit, Op, Stage, ensure};

pub(super) async fn account_is_the_services_word(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Account) {
        return Ok(Verdict::Inapplicable(why));
    }
    for method in stage.methods()? {
        for account in [0, 1, 0] {
            let expected = &stage.profile.accounts[account];
            let connected = stage.connected_as(method, account).await?;
            let identified = stage.attempt_with(method, &connected, Op::Identify, None).await?;
            let named = match &identified.result {
                Ok(Fruit::Account(named)) => named,
                other => return Err(format!("{}: {other:?}", identified.what).into()),
            };
            ensure!(stage, named.is_same(expected), "{method}: {expected} signed in, and {named} is told");
            let has_called = match stage.profile.account_is_captured {
                true => connected.first.is_some(),
                false => !identified.requests.is_empty(),
            };
            ensure!(
                stage,
                stage.profile.account_is_told || has_called,
                "{method}: who we are is told without a real call"
            );
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn dead_token_is_not_alive(stage: &Stage) -> Played {
    let renews = stage.claims(Op::Refresh);
    let asking = stage.asking(&Op::OF_THE_API).await?;
    if asking.is_empty() {
        return Ok(Verdict::Inapplicable("the provider itself asks the API nothing".to_owned()));
    }
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        stage.service.rejects_access_tokens();
        for (_, op) in asking.iter().copied().filter(|(asks, _)| *asks == method) {
            let attempt = stage.attempt_with(method, &connected, op, None).await?;
            let alive = matches!(
                &attempt.result,
                Ok(Fruit::Probe(Probe::Alive) | Fruit::Account(_) | Fruit::Captured)
            );
            ensure!(
                stage,
                !alive,
                "{}: a token that the service rejects: {:?}",
                attempt.what,
                attempt.result
            );
            let renewal = attempt.verdict() == Some(Concluded::RenewAccessToken);
            ensure!(
                stage,
                renewal || !renews,
                "{}: one renewal should decide: {:?}",
                attempt.what,
                attempt.result
            );
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn probe_changes_nothing(stage: &Stage) -> Played {
    for method in stage.methods()? {
        let connected = stage.connected(method).await?;
        for op in Op::OF_THE_API.into_iter().filter(|op| stage.claims(*op)) {
            let attempt = stage.attempt_with(method, &connected, op, None).await?;
            ensure!(stage, attempt.result.is_ok(), "{}: {:?}", attempt.what, attempt.result);
            for request in &attempt.requests {
                let (method, path) = (request.sent.method.as_str(), request.sent.url.path());
                ensure!(
                    stage,
                    stage.is_read(method, path),
                    "{}: {method} {path} may change something",
                    attempt.what
                );
            }
        }
    }
    Ok(Verdict::Held)
}
