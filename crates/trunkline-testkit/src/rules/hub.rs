//! The provider and the hub together.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use trunkline::{Actor, Cause, Connect, Connection, Revocation, State, Store as _};
use trunkline_core::Reuse;

use super::Played;
use crate::crash::{Crash, CrashPoints};
use crate::profile::Ability;
use crate::rule::{Failure, Verdict};
use crate::service::{Fault, Line};
use crate::stage::{Stage, ensure};
use crate::watched::Call;
use crate::world::{LONG, World};

const CALLERS: usize = 100;

/// The pause between two looks at a connection that is being recovered, and how many looks there are: more than any lease,
/// grace or pause of the hub takes.
const PAUSE: Duration = Duration::from_secs(10);
const LOOKS: usize = 120;

/// After so long a rejected token leads to a renewal again.
const FORCED_AGAIN: Duration = Duration::from_secs(120);

fn inapplicable(why: impl Into<String>) -> Played {
    Ok(Verdict::Inapplicable(why.into()))
}

/// How many token requests there were so far.
fn asked(stage: &Stage) -> usize {
    stage.service.count(Line::Token)
}

async fn token(connection: &Connection) -> Result<u64, trunkline::Error> {
    connection.access_token().await.map(|token| token.generation())
}

pub(super) async fn concurrent_callers_share_one_fetch(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Some(why) = world.without_renewal() {
        return inapplicable(why);
    }
    let connection = world.connect("acme").await?;
    stage.clock.advance(LONG);
    let before = asked(stage);
    stage.service.will(Line::Token, Fault::Late(Duration::from_secs(2)));
    let callers = join_all((0..CALLERS).map(|_| token(&connection))).await;
    let served = callers.iter().filter(|caller| caller.is_ok()).count();
    ensure!(stage, served == CALLERS, "{served} of {CALLERS} callers got a token: {:?}", callers[0]);
    let requests = asked(stage) - before;
    ensure!(stage, requests == 1, "{CALLERS} callers led to {requests} token requests");
    Ok(Verdict::Held)
}

pub(super) async fn expired_token_is_renewed_once(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Some(why) = world.without_renewal() {
        return inapplicable(why);
    }
    let connection = world.connect("acme").await?;
    for cycle in 1..=3 {
        let before = asked(stage);
        for _ in 0..5 {
            let answer = connection.get(world.path()).send().await;
            ensure!(stage, answer.is_ok(), "cycle {cycle}: {answer:?}");
        }
        // Half of its hour is over.
        stage.clock.advance(Duration::from_secs(1_800));
        let served = token(&connection).await;
        ensure!(stage, served.is_ok(), "cycle {cycle}: {served:?}");
        let early = asked(stage) - before;
        ensure!(stage, early == 0, "cycle {cycle}: {early} renewals of a token that serves");
        stage.clock.advance(LONG);
        for _ in 0..5 {
            let answer = connection.get(world.path()).send().await;
            let served = answer.as_ref().is_ok_and(|response| response.status().is_success());
            ensure!(stage, served, "cycle {cycle}: {answer:?}");
        }
        let renewals = asked(stage) - before;
        ensure!(stage, renewals == 1, "cycle {cycle}: {renewals} renewals of one expired token");
    }
    Ok(Verdict::Held)
}

pub(super) async fn cancelled_call_leaves_cache_usable(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Some(why) = world.without_renewal() {
        return inapplicable(why);
    }
    let connection = world.connect("acme").await?;
    stage.clock.advance(LONG);
    let before = asked(stage);
    stage.service.will(Line::Token, Fault::Late(Duration::from_secs(5)));
    let given_up = tokio::time::timeout(Duration::from_secs(1), token(&connection)).await;
    ensure!(stage, given_up.is_err(), "the caller did not have to wait: {given_up:?}");
    let served = token(&connection).await;
    ensure!(stage, served.is_ok(), "after a caller gave up: {served:?}");
    let requests = asked(stage) - before;
    ensure!(stage, requests == 1, "after a caller gave up, {requests} token requests");
    ensure!(stage, stage.service.reused() == 0, "a spent refresh token came again");
    Ok(Verdict::Held)
}

pub(super) async fn spent_refresh_token_is_never_sent_again(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Err(why) = stage.methods_with_refresh_token()? {
        return inapplicable(why);
    }
    stage.service.rotates(true);
    stage.service.on_reuse(Reuse::KillsFamily);
    let connection = world.connect("acme").await?;
    for _ in 0..8 {
        stage.clock.advance(LONG);
        let served = token(&connection).await;
        ensure!(stage, served.is_ok(), "{served:?}");
        // The hub forces no second renewal within a minute.
        stage.clock.advance(FORCED_AGAIN);
        stage.service.rejects_access_tokens();
        let answer = connection.get(world.path()).send().await;
        let served = answer.as_ref().is_ok_and(|response| response.status().is_success());
        ensure!(stage, served, "{answer:?}");
    }
    ensure!(stage, stage.service.reused() == 0, "a spent refresh token came again");
    ensure!(stage, stage.service.spent().len() >= 8, "nothing was renewed");
    ensure!(stage, stage.service.alive() == 1, "the grant is gone");
    Ok(Verdict::Held)
}

/// Asks for a token until there is one, or for long enough.
async fn recovers(connection: &Connection) -> Result<u64, trunkline::Error> {
    for _ in 0..LOOKS {
        if let Ok(generation) = token(connection).await {
            return Ok(generation);
        }
        tokio::time::sleep(PAUSE).await;
    }
    token(connection).await
}

pub(super) async fn lost_answer_is_survived_within_the_policy(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Some(why) = world.without_renewal() {
        return inapplicable(why);
    }
    let reuse = stage.reuse(world.method)?;
    for fault in
        [Fault::LostAnswer, Fault::LostRequest, Fault::Cut { share: 50, is_clean: false }, Fault::NotSent]
    {
        let tenant = format!("{fault:?}").chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let connection = world.connect(&tenant).await?;
        stage.clock.advance(LONG);
        stage.service.will(Line::Token, fault.clone());
        let first = token(&connection).await;
        let state = connection.status().await.map_err(|error| error.to_string())?.state();
        ensure!(
            stage,
            state != State::NeedsConsent,
            "{fault:?} is taken for the end of the grant: {first:?}"
        );
        let acted = !matches!(fault, Fault::LostRequest | Fault::NotSent);
        let spends = stage.gives_refresh_token(world.method)? && stage.profile.rotates;
        let is_lost = acted && spends && !matches!(reuse, Reuse::Grace { .. });
        if is_lost {
            continue;
        }
        let served = recovers(&connection).await;
        ensure!(stage, served.is_ok(), "{fault:?} is not recovered from under {reuse:?}: {served:?}");
    }
    Ok(Verdict::Held)
}

pub(super) async fn revoked_grant_asks_for_consent(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Err(why) = stage.methods_with_refresh_token()? {
        return inapplicable(why);
    }
    let connection = world.connect("acme").await?;
    stage.service.revokes_all();
    let before = asked(stage);
    let refused = connection.get(world.path()).send().await;
    let served = refused.as_ref().is_ok_and(|response| response.status().is_success());
    ensure!(stage, !served, "a call with a revoked grant goes through");
    let requests = asked(stage) - before;
    ensure!(stage, requests == 1, "{requests} renewals of a grant that is gone");
    let Connect::NeedsConsent(request) = world.looks("acme").await? else {
        return Err("the grant is gone, and no consent is asked for".into());
    };
    let Some(diagnosis) = request.diagnosis() else { return Err("no reason is given".into()) };
    let acts = matches!(diagnosis.actor(), Actor::CustomerUser | Actor::CustomerAdministrator);
    ensure!(stage, acts, "{} is to act: {diagnosis}", diagnosis.actor());
    let again = token(&connection).await;
    ensure!(stage, again.is_err() && asked(stage) - before == 1, "a grant that is gone is asked for again");
    Ok(Verdict::Held)
}

pub(super) async fn rejected_access_token_is_renewed(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    if let Some(why) = world.without_renewal() {
        return inapplicable(why);
    }
    let connection = world.connect("acme").await?;
    stage.service.rejects_access_tokens();
    let (tokens, calls) = (asked(stage), stage.service.count(Line::Api));
    let answer = connection.get(world.path()).send().await;
    let served = answer.as_ref().is_ok_and(|response| response.status().is_success());
    ensure!(stage, served, "{answer:?}");
    let (tokens, calls) = (asked(stage) - tokens, stage.service.count(Line::Api) - calls);
    ensure!(stage, tokens == 1, "{tokens} renewals of one rejected token");
    ensure!(stage, calls == 2, "the call was sent {calls} times");
    Ok(Verdict::Held)
}

pub(super) async fn account_is_pinned(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Account) {
        return inapplicable(why);
    }
    let world = World::new(stage).await?;
    if !world.is_on_a_page()? {
        return inapplicable("the inputs name the account");
    }
    let connection = world.connect("acme").await?;
    let pinned = connection.account().await.map_err(|error| error.to_string())?;
    let expected = &stage.profile.accounts[0];
    ensure!(stage, pinned.as_ref().is_some_and(|account| account.is_same(expected)), "{pinned:?} is pinned");
    match stage.profile.lack(Ability::Renewal) {
        // What nothing renews is not ended by a call either.
        Some(_) => drop(connection.disconnect().await),
        None => {
            stage.service.revokes_all();
            drop(connection.get(world.path()).send().await);
        }
    }
    let other = world.connect_as("acme", 1).await?;
    let refused = other.as_ref().err().and_then(trunkline::Error::cause) == Some(Cause::AccountMismatch);
    ensure!(stage, refused, "the consent of another account is taken: {other:?}");
    let same = world.connect_as("acme", 0).await?;
    let repaired = same.as_ref().is_ok_and(|repaired| repaired.id() == connection.id());
    ensure!(stage, repaired, "the account's own consent does not repair the connection: {same:?}");
    Ok(Verdict::Held)
}

pub(super) async fn disconnect_ends_the_grant(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    let connection = world.connect("acme").await?;
    let before = asked(stage);
    let ended = connection.disconnect().await.map_err(|error| error.to_string())?;
    match stage.profile.lack(Ability::Revocation) {
        None => {
            ensure!(stage, matches!(ended, Revocation::Revoked), "disconnecting says {ended:?}");
            ensure!(stage, stage.service.revoked() == 1, "the grant lives on at the service");
        }
        Some(why) => {
            ensure!(stage, matches!(ended, Revocation::NotSupported), "{why}; disconnecting says {ended:?}");
            ensure!(stage, asked(stage) == before, "{why}; and the service is asked");
        }
    }
    let calls = stage.service.count(Line::Api);
    let answer = connection.get(world.path()).send().await;
    let sent = stage.service.count(Line::Api) - calls;
    ensure!(stage, answer.is_err() && sent == 0, "a call of a connection that was ended is sent: {answer:?}");
    Ok(Verdict::Held)
}

pub(super) async fn store_holds_no_secret_in_clear(stage: &Stage) -> Played {
    let world = World::new(stage).await?;
    let connection = world.connect("acme").await?;
    let mut rows = vec![stored(&world, &connection).await?];
    if world.without_renewal().is_none() {
        stage.clock.advance(LONG);
        // A renewal that fails for a while: what the service said of it is stored, too.
        stage.service.will(Line::Token, Fault::Echo { status: 503 });
        drop(token(&connection).await);
        rows.push(stored(&world, &connection).await?);
        stage.service.recovers();
        drop(recovers(&connection).await);
        rows.push(stored(&world, &connection).await?);
    }
    stage.service.revokes_all();
    drop(connection.get(world.path()).send().await);
    rows.push(stored(&world, &connection).await?);
    for (what, bytes) in rows.iter().flatten() {
        stage.count_check();
        if let Some(leak) = stage.leaks.find_in_bytes(bytes).first() {
            return Err(format!("{what}: {leak}").into());
        }
    }
    Ok(Verdict::Held)
}

/// What a store holds of a connection, byte by byte.
async fn stored(world: &World<'_>, connection: &Connection) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let row = world.store.get_by_id(connection.id()).await.map_err(|error| error.to_string())?;
    let row = row.ok_or("the connection is not in the store")?;
    let events = world.store.events(connection.id(), 0, 1_000).await.map_err(|error| error.to_string())?;
    let mut held = vec![
        ("the stored record", format!("{:?}", row.record).into_bytes()),
        ("the stored events", format!("{events:?}").into_bytes()),
    ];
    if let Some(sealed) = row.body {
        held.push(("the sealed secrets", sealed.body));
        held.push(("the wrapped key", sealed.wrapped_key));
    }
    Ok(held)
}

pub(super) async fn crash_after_the_first_store_loses_no_grant(stage: &Stage) -> Played {
    let points = Arc::new(CrashPoints::new());
    points.at(Call::Commit, 1, Crash::DiesAfter);
    let store = Arc::new(trunkline::MemoryStore::with_clock(Arc::new(stage.clock.clone())));
    let world = World::on(stage, store, Some(points.clone())).await?;
    drop(tokio::time::timeout(Duration::from_secs(60), world.connect("acme")).await);
    ensure!(stage, points.is_dead(), "a consent stores nothing");
    let before = asked(stage);
    let successor = World::on(stage, world.store.clone(), None).await?;
    let found = successor.looks("acme").await?;
    let Connect::Ready(connection) = found else {
        return Err(format!("the next process does not find the connection: {found:?}").into());
    };
    let answer = connection.get(successor.path()).send().await;
    let served = answer.as_ref().is_ok_and(|response| response.status().is_success());
    ensure!(stage, served, "the next process cannot use the connection: {answer:?}");
    ensure!(stage, asked(stage) == before, "the next process asks for another token");
    Ok(Verdict::Held)
}

pub(super) async fn failing_store_loses_no_grant(stage: &Stage) -> Played {
    if let Some(why) = stage.profile.lack(Ability::Renewal) {
        return inapplicable(why);
    }
    let fails = [Crash::FailsBefore, Crash::FailsAfter];
    // What is stored by the renewal: lease and intent, then the credential. A process that dies after its lease has not asked
    // yet, one that dies after its commit has stored what it got.
    let points = fails.into_iter().flat_map(|crash| [(Call::Lease, crash), (Call::Commit, crash)]).chain([
        (Call::Lease, Crash::DiesBefore),
        (Call::Lease, Crash::DiesAfter),
        (Call::Commit, Crash::DiesAfter),
    ]);
    for (number, (call, crash)) in points.enumerate() {
        fails_at(stage, number, call, crash).await?;
    }
    ensure!(stage, stage.service.reused() == 0, "a spent refresh token came again");
    Ok(Verdict::Held)
}

async fn fails_at(stage: &Stage, number: usize, call: Call, crash: Crash) -> Result<(), Failure> {
    let points = Arc::new(CrashPoints::new());
    let store = Arc::new(trunkline::MemoryStore::with_clock(Arc::new(stage.clock.clone())));
    let world = World::on(stage, store, Some(points.clone())).await?;
    let tenant = format!("tenant-{number}");
    let connection = world.connect(&tenant).await?;
    stage.clock.advance(LONG);
    points.at(call, points.count(call) + 1, crash);
    let patience = Duration::from_secs(60);
    drop(tokio::time::timeout(patience, token(&connection)).await);
    let served = if points.is_dead() {
        // Another process goes on with what is in the store.
        let successor = World::on(stage, world.store.clone(), None).await?;
        let found = successor.trunkline.tenant(&tenant).find(crate::stage::CONNECTOR, "default").await;
        match found.map_err(|error| error.to_string())? {
            Some(connection) => recovers(&connection).await,
            None => return Err("the connection is not in the store".into()),
        }
    } else {
        recovers(&connection).await
    };
    ensure!(stage, served.is_ok(), "{call:?} that {crash:?} loses the grant: {served:?}");
    Ok(())
}
