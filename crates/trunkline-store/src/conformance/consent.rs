//! Rules about pending consents.

use futures_util::future::join_all;
use trunkline_core::{Cause, Secret};

use super::Backend;
use super::sample::*;
use crate::{Claim, ConsentOutcome, StoreError, Taken, Vault};

const ANSWER: [u8; 32] = [1; 32];

fn state() -> Secret {
    Secret::new("state")
}

/// Begun at 0, to be taken before 600.
async fn begun(backend: &impl Backend) -> Result<Vault, StoreError> {
    let vault = vault(backend).await?;
    vault.begin_consent(&state(), &consent(at(600))).await?;
    Ok(vault)
}

async fn take(vault: &Vault, browser: &str, tenant: Option<&str>, second: i64) -> Result<Taken, StoreError> {
    let browser = Secret::new(browser);
    let claim = Claim { browser: &browser, tenant, answer: ANSWER };
    vault.take_consent(&state(), &claim, at(second)).await
}

fn fresh() -> Taken {
    Taken::Fresh(Box::new(consent(at(600))))
}

/// What was begun is what is taken.
pub async fn a_consent_reads_back(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    assert_eq!(take(&vault, "browser", Some("acme"), 599).await?, fresh());
    Ok(())
}

/// A look answers what a take would, any number of times, and leaves the consent to be taken.
pub async fn a_look_at_a_consent_takes_nothing(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    let (browser, other) = (Secret::new("browser"), Secret::new("another browser"));
    let claim = Claim { browser: &browser, tenant: None, answer: ANSWER };
    for _ in 0..3 {
        assert_eq!(vault.peek_consent(&state(), &claim, at(599)).await?, fresh());
    }
    assert_eq!(vault.peek_consent(&state(), &claim, at(600)).await?, Taken::Expired);
    let foreign = Claim { browser: &other, ..claim };
    assert_eq!(vault.peek_consent(&state(), &foreign, at(1)).await?, Taken::Foreign);
    assert_eq!(vault.peek_consent(&Secret::new("made up"), &claim, at(1)).await?, Taken::Unknown);
    assert_eq!(take(&vault, "browser", None, 1).await?, fresh());
    let open = Taken::Again { key: consent(at(600)).key, outcome: None, same_answer: true };
    assert_eq!(vault.peek_consent(&state(), &claim, at(601)).await?, open);
    Ok(())
}

/// Sixteen takers at once: one gets it, fifteen learn that it was taken.
pub async fn a_consent_is_taken_once_by_sixteen_takers(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    let takers = (0..16).map(|_| take(&vault, "browser", None, 1));
    let taken = join_all(takers).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let first = taken.iter().filter(|taken| matches!(taken, Taken::Fresh(_))).count();
    let again = taken.iter().filter(|taken| matches!(taken, Taken::Again { .. })).count();
    assert_eq!((first, again), (1, 15), "{taken:?}");
    Ok(())
}

/// At its expiry a consent is over.
pub async fn an_expired_consent_is_not_taken(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    assert_eq!(take(&vault, "browser", None, 600).await?, Taken::Expired);
    assert_eq!(take(&vault, "browser", None, 10_000).await?, Taken::Expired);
    assert_eq!(take(&vault, "browser", None, 599).await?, fresh(), "the clock was wrong, not the consent");
    Ok(())
}

/// Somebody else's try learns nothing and leaves the consent to its owner.
pub async fn a_foreign_browser_or_tenant_does_not_consume(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    assert_eq!(take(&vault, "another browser", None, 1).await?, Taken::Foreign);
    assert_eq!(take(&vault, "browser", Some("other"), 1).await?, Taken::Foreign);
    assert_eq!(take(&vault, "another browser", None, 10_000).await?, Taken::Foreign);
    let browser = Secret::new("browser");
    let claim = Claim { browser: &browser, tenant: None, answer: ANSWER };
    assert_eq!(vault.take_consent(&Secret::new("made up"), &claim, at(1)).await?, Taken::Unknown);
    assert_eq!(take(&vault, "browser", Some("acme"), 1).await?, fresh());
    assert_eq!(take(&vault, "another browser", None, 1).await?, Taken::Foreign);
    Ok(())
}

/// The second of two equal answers gets the first one's result; another answer is told apart.
pub async fn a_repeated_answer_gets_the_first_outcome(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    let key = consent(at(600)).key;
    assert_eq!(take(&vault, "browser", None, 1).await?, fresh());
    let open = Taken::Again { key: key.clone(), outcome: None, same_answer: true };
    assert_eq!(take(&vault, "browser", None, 2).await?, open);
    let outcome = ConsentOutcome::Connected(id(1));
    vault.finish_consent(&state(), &outcome).await?;
    let done = Taken::Again { key: key.clone(), outcome: Some(outcome.clone()), same_answer: true };
    assert_eq!(take(&vault, "browser", None, 3).await?, done);
    assert_eq!(take(&vault, "browser", None, 601).await?, done, "also when its time is over");
    let browser = Secret::new("browser");
    let other = Claim { browser: &browser, tenant: None, answer: [2; 32] };
    let different = Taken::Again { key, outcome: Some(outcome), same_answer: false };
    assert_eq!(vault.take_consent(&state(), &other, at(3)).await?, different);
    Ok(())
}

/// A second outcome does not replace the first.
pub async fn the_first_outcome_of_a_consent_stays(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    assert_eq!(take(&vault, "browser", None, 1).await?, fresh());
    let failed = ConsentOutcome::Failed(Box::new(diagnosis(Cause::ConsentDenied)));
    vault.finish_consent(&state(), &failed).await?;
    vault.finish_consent(&state(), &ConsentOutcome::Connected(id(1))).await?;
    let Taken::Again { outcome, .. } = take(&vault, "browser", None, 2).await? else {
        panic!("it was taken before")
    };
    assert_eq!(outcome, Some(failed));
    Ok(())
}

/// An outcome of a consent that nobody took, or that does not exist, changes nothing.
pub async fn an_outcome_before_the_take_is_not_remembered(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    vault.finish_consent(&state(), &ConsentOutcome::Connected(id(1))).await?;
    vault.finish_consent(&Secret::new("made up"), &ConsentOutcome::Connected(id(1))).await?;
    assert_eq!(take(&vault, "browser", None, 1).await?, fresh());
    let key = consent(at(600)).key;
    let open = Taken::Again { key, outcome: None, same_answer: true };
    assert_eq!(take(&vault, "browser", None, 2).await?, open);
    Ok(())
}

/// A second consent under the same state is refused and leaves the first as it is.
pub async fn a_state_is_used_once(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    let second = vault.begin_consent(&state(), &consent(at(9_000))).await;
    assert!(matches!(second, Err(StoreError::Invalid { .. })), "{second:?}");
    assert_eq!(take(&vault, "browser", None, 1).await?, fresh());
    let third = vault.begin_consent(&state(), &consent(at(9_000))).await;
    assert!(matches!(third, Err(StoreError::Invalid { .. })), "{third:?}");
    Ok(())
}

/// Purging removes what expired before the given time, taken or not, and nothing else.
pub async fn expired_consents_are_purged(backend: &impl Backend) -> Result<(), StoreError> {
    let vault = begun(backend).await?;
    vault.begin_consent(&Secret::new("later"), &consent(at(700))).await?;
    assert_eq!(take(&vault, "browser", None, 1).await?, fresh());
    assert_eq!(vault.purge_consents(at(600)).await?, 0);
    assert_eq!(vault.purge_consents(at(601)).await?, 1);
    assert_eq!(take(&vault, "browser", None, 1).await?, Taken::Unknown);
    assert_eq!(vault.purge_consents(at(701)).await?, 1);
    Ok(())
}
