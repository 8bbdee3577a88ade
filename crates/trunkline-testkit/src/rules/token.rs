//! What becomes of the tokens.

use std::time::Duration;

use trunkline_core::Verdict as Concluded;
use trunkline_core::jiff::SignedDuration;
use trunkline_core::{Clock as _, Credential, ScopeSet};

use super::Played;
use crate::profile::Ability;
use crate::rule::{Failure, Verdict};
use crate::service::Fault;
use crate::stage::{Op, Stage, ensure};

/// A deadline may be off by so much: fractions of a second are nobody's matter.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

const NARROW: &str = "trunkline_testkit.narrow";

pub(super) async fn rotated_refresh_token_replaces_the_old_one(stage: &Stage) -> Played {
    let methods = match stage.methods_with_refresh_token()? {
        Ok(methods) => methods,
        Err(why) => return Ok(Verdict::Inapplicable(why)),
    };
    stage.service.rotates(true);
    for method in methods {
        let mut connected = stage.connected(method).await?;
        for _ in 0..3 {
            let before = connected.grant.credential.refresh_token.clone();
            let renewed = stage.attempt_with(method, &connected, Op::Refresh, None).await?;
            let grant = renewed.grant()?.clone();
            let after = &grant.credential.refresh_token;
            ensure!(stage, after.is_some(), "{}: the refresh token is gone", renewed.what);
            ensure!(stage, *after != before, "{}: the old refresh token is kept", renewed.what);
            let auth = stage.auth(method)?;
            connected = stage.use_grant(auth, grant, connected.inputs.clone()).await?;
        }
        ensure!(stage, stage.service.reused() == 0, "{method}: a spent refresh token came again");
    }
    Ok(Verdict::Held)
}

pub(super) async fn unrotated_refresh_token_is_kept(stage: &Stage) -> Played {
    let methods = match stage.methods_with_refresh_token()? {
        Ok(methods) => methods,
        Err(why) => return Ok(Verdict::Inapplicable(why)),
    };
    stage.service.rotates(false);
    stage.service.omits_refresh_token(true);
    for method in methods {
        let connected = stage.connected(method).await?;
        let renewed = stage.attempt_with(method, &connected, Op::Refresh, None).await?;
        let grant = renewed.grant()?;
        let kept = grant.credential.refresh_token == connected.grant.credential.refresh_token;
        ensure!(stage, kept, "{}: the refresh token that still serves is lost", renewed.what);
    }
    Ok(Verdict::Held)
}

pub(super) async fn renewal_asks_for_no_more_scope(stage: &Stage) -> Played {
    let methods = match stage.methods_with_refresh_token()? {
        Ok(methods) => methods,
        Err(why) => return Ok(Verdict::Inapplicable(why)),
    };
    stage.service.grants(Some(NARROW));
    for method in methods {
        let connected = stage.connected(method).await?;
        let renewed = stage.attempt_with(method, &connected, Op::Refresh, None).await?;
        for request in &renewed.requests {
            let scope = request.param(stage.profile.parameter_name("scope")).unwrap_or_default();
            let asked = ScopeSet::parse(&scope, stage.profile.facts.scope_separator);
            let more = asked.iter().any(|scope| scope != NARROW);
            ensure!(stage, !more, "{}: asks for {scope:?} where {NARROW:?} was granted", renewed.what);
        }
    }
    Ok(Verdict::Held)
}

/// The calls that ask for a token, or why there is none.
async fn minting(stage: &Stage) -> Result<Result<Vec<(&'static str, Op)>, Verdict>, Failure> {
    let asking = stage.asking(&[Op::Complete, Op::Refresh]).await?;
    Ok(match asking.is_empty() {
        true => {
            Err(Verdict::Inapplicable("no token is asked for: what connects is given as it is".to_owned()))
        }
        false => Ok(asking),
    })
}

/// Whether the credential ends so long after `start`, and how far it is off.
fn ends(
    credential: &Credential,
    start: trunkline_core::jiff::Timestamp,
    life: Duration,
) -> Result<(), String> {
    let Some(end) = credential.access_expires_at else { return Err("it has no end".to_owned()) };
    let Ok(life) = SignedDuration::try_from(life) else { return Err("an odd life".to_owned()) };
    let off = end.duration_since(start).saturating_sub(life);
    if off.abs() <= TOLERANCE { Ok(()) } else { Err(format!("it is off by {off:#}")) }
}

pub(super) async fn expiry_is_counted_in_seconds_from_the_request(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Expiry) {
        return Ok(Verdict::Inapplicable(why));
    }
    let minting = match minting(stage).await? {
        Ok(minting) => minting,
        Err(why) => return Ok(why),
    };
    for (method, op) in minting {
        for life in [30, 1_800, 86_400].map(|life| stage.profile.facts.whole(Duration::from_secs(life))) {
            stage.service.lives(Some(life));
            for late in [None, Some(Fault::Late(Duration::from_secs(20)))] {
                let start = stage.clock.wall();
                let attempt = stage.attempt(method, op, late.as_ref()).await?;
                let credential = &attempt.grant()?.credential;
                let fits = ends(credential, start, life);
                ensure!(stage, fits.is_ok(), "{}, {} s of life: {fits:?}", attempt.what, life.as_secs());
                let issued = credential.issued_at.map(|at| at.duration_since(start).abs() <= TOLERANCE);
                ensure!(stage, issued == Some(true), "{}: it was not asked for when it says", attempt.what);
            }
        }
        // Without a stated life there is a default, or no end; but no end that has passed.
        stage.service.lives(None);
        let attempt = stage.attempt(method, op, None).await?;
        let end = attempt.grant()?.credential.access_expires_at;
        let serves = end.is_none_or(|end| end > stage.clock.wall());
        ensure!(stage, serves, "{}: without a stated life it has expired already", attempt.what);
    }
    Ok(Verdict::Held)
}

pub(super) async fn clock_skew_moves_no_deadline(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Expiry) {
        return Ok(Verdict::Inapplicable(why));
    }
    let minting = match minting(stage).await? {
        Ok(minting) => minting,
        Err(why) => return Ok(why),
    };
    let life = stage.profile.facts.whole(Duration::from_secs(1_800));
    stage.service.lives(Some(life));
    for (method, op) in minting {
        for off in [-86_400, -3_600, -300, 300, 3_600, 86_400].map(SignedDuration::from_secs) {
            stage.service.clock_is_off(off);
            let start = stage.clock.wall();
            let attempt = stage.attempt(method, op, None).await?;
            let fits = ends(&attempt.grant()?.credential, start, life);
            ensure!(stage, fits.is_ok(), "{}, the service's clock off by {off:#}: {fits:?}", attempt.what);
        }
    }
    Ok(Verdict::Held)
}

pub(super) async fn narrowed_scopes_are_told(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::GrantedScopes) {
        return Ok(Verdict::Inapplicable(why));
    }
    let minting = match minting(stage).await? {
        Ok(minting) => minting,
        Err(why) => return Ok(why),
    };
    for (method, op) in minting {
        stage.service.grants(None);
        let connected = stage.connected(method).await?;
        stage.service.grants(Some(NARROW));
        let attempt = match op {
            Op::Complete => stage.attempt(method, op, None).await?,
            op => stage.attempt_with(method, &connected, op, None).await?,
        };
        let told = &attempt.grant()?.credential.scopes;
        let narrow: ScopeSet = [NARROW].into_iter().collect();
        ensure!(
            stage,
            *told == Some(narrow),
            "{}: {NARROW:?} was granted, and {told:?} is told",
            attempt.what
        );
    }
    Ok(Verdict::Held)
}

pub(super) async fn unknown_token_type_is_refused(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::TokenTypes) {
        return Ok(Verdict::Inapplicable(why));
    }
    let minting = match minting(stage).await? {
        Ok(minting) => minting,
        Err(why) => return Ok(why),
    };
    for (method, op) in minting {
        for (name, is_known) in [("bEaReR", true), ("mac", false), ("trunkline-testkit", false)] {
            stage.service.token_type("Bearer");
            let connected = stage.connected(method).await?;
            stage.service.token_type(name);
            let attempt = match op {
                Op::Complete => stage.attempt(method, op, None).await?,
                op => stage.attempt_with(method, &connected, op, None).await?,
            };
            let taken = attempt.result.is_ok();
            ensure!(
                stage,
                taken == is_known,
                "{}: a token of the type {name:?}: {:?}",
                attempt.what,
                attempt.result
            );
            let dead = attempt.verdict() == Some(Concluded::GrantDead);
            ensure!(stage, !dead, "{}: a token of the type {name:?} ends the grant", attempt.what);
        }
        stage.service.token_type("Bearer");
    }
    Ok(Verdict::Held)
}

pub(super) async fn calls_leave_nothing_behind(stage: &Stage) -> Played {
    for method in stage.methods()? {
        let one = stage.connected_as(method, 0).await?;
        let other = stage.connected_as(method, 1).await?;
        let pairs = [(&one, 0, "the first"), (&other, 1, "the second")];
        // Whoever remembers the last one mixes them up in one of the two orders.
        for (connected, account, which) in pairs.into_iter().chain(pairs.into_iter().rev()) {
            let expected = &stage.profile.accounts[account];
            let identified = stage.attempt_with(method, connected, Op::Identify, None).await?;
            ensure!(
                stage,
                identified.result.is_ok(),
                "{} of {which}: {:?}",
                identified.what,
                identified.result
            );
            for request in &identified.requests {
                let owner = stage.service.owner_of(&request.sent);
                let is_own = owner.as_ref().is_some_and(|owner| owner.is_same(expected));
                ensure!(stage, is_own, "{method}: a request for {which} carries the token of {owner:?}");
            }
        }
        if !stage.claims(Op::Refresh) {
            continue;
        }
        for (connected, account, which) in [(&other, 1, "the second"), (&one, 0, "the first")] {
            let renewed = stage.attempt_with(method, connected, Op::Refresh, None).await?;
            let token = renewed.grant()?.credential.access_token.clone();
            let owner = token.as_ref().and_then(|token| stage.service.owner(token.expose()));
            let expected = match connected.grant.credential.refresh_token {
                Some(_) => &stage.profile.accounts[account],
                // A new grant for whoever the inputs or the client name: the service goes by who signs in.
                None => &stage.profile.accounts[1],
            };
            let is_own = owner.as_ref().is_some_and(|owner| owner.is_same(expected));
            ensure!(stage, is_own, "{method}: the renewal of {which} brings the token of {owner:?}");
        }
    }
    Ok(Verdict::Held)
}
