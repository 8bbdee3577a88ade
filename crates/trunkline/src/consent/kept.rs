//! The grant of a new consent for a connection that is there, kept while nobody knows whose it is.
//!
//! It must not replace the old one before the service has said that it belongs to the same account. Should the service
//! fail just then, or the process die, the same answer of the browser leads to the grant again. Whoever is about to write
//! it takes it back first, once: else a grant that was renewed meanwhile could be written over by what it was.

use std::time::Duration;

use jiff::SignedDuration;
use trunkline_core::{Callback, Cause, Error, Grant, Held, Secret};
use trunkline_store::{Claim, Granted, PendingConsent, Taken};

use super::take;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::keeper::ended;

/// How long the same answer leads to the grant.
const KEPT_TIME: Duration = Duration::from_secs(60 * 60);

/// How often the store is asked for the grant, and how long apart.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Where the grant of one answer is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// Its place in the store.
    place: Secret,
    answer: [u8; 32],
    consent: PendingConsent,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is not in the store.
    Nowhere,
    /// It is, and whoever gets there first may go on with it.
    There,
    /// It was, and it is ours alone.
    Ours,
}

/// Where the grant of the consent with this state would be: a state that no service is ever sent.
pub(super) fn place(state: &Secret) -> Secret {
    Secret::new(format!("granted {}", state.expose()))
}

/// Whether a browser brings a place as its state.
pub(super) fn is_place(state: &Secret) -> bool {
    state.expose().starts_with("granted ")
}

impl Kept {
    /// For a consent whose answer has come. `None` where the answer has no state: nothing leads to it again then.
    pub(super) fn of(consent: &PendingConsent, callback: &Callback) -> Option<Self> {
        let place = place(callback.state()?);
        let state = if consent.granted.is_some() { State::There } else { State::Nowhere };
        let mut consent = consent.clone();
        // What was needed for the exchange is not needed again, and what it brought is kept in the store alone.
        (consent.inputs, consent.pending, consent.granted) = Default::default();
        Some(Self { place, answer: take::digest(callback), consent, state })
    }

    /// A store that cannot keep it does not cost the grant: the account is asked for all the same.
    pub(super) async fn keep(&mut self, hub: &Hub, held: &Held, grant: &Grant) {
        if self.state != State::Nowhere {
            return;
        }
        self.consent.expires_at = hub.clock.wall() + KEPT_TIME;
        let granted = Granted { held: held.clone(), account: grant.account.clone() };
        let consent = PendingConsent { granted: Some(Box::new(granted)), ..self.consent.clone() };
        match hub.vault.begin_consent(&self.place, &consent).await {
            Ok(()) => self.state = State::There,
            Err(error) => {
                tracing::warn!(target: "trunkline", error = %error, "a new grant could not be kept");
            }
        }
    }

    /// Whoever writes the grant has to have it alone.
    ///
    /// # Errors
    ///
    /// `consent_outcome_unknown` when someone else goes on with it; those of the store: then it is still there.
    pub(super) async fn take_back(&mut self, hub: &Hub) -> Result<(), Error> {
        if self.state != State::There {
            return Ok(());
        }
        let claim = Claim { browser: &self.consent.browser, tenant: None, answer: self.answer };
        // Who began in time may end.
        let now = hub.clock.wall().min(self.consent.expires_at - SignedDuration::from_millis(1));
        let mut tried = 0;
        loop {
            tried += 1;
            match hub.vault.take_consent(&self.place, &claim, now).await {
                Ok(Taken::Fresh(_)) => break,
                // An earlier try that was reported as failed may have taken it.
                Ok(Taken::Again { outcome: None, .. }) if tried > 1 => break,
                Ok(_) => return Err(Error::of(Cause::ConsentOutcomeUnknown)),
                Err(error) if tried == TRIES => return Err(error.into()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        self.state = State::Ours;
        Ok(())
    }

    /// After the grant was written, or could not be: what need not be asked about again is not kept.
    pub(super) async fn settle(
        mut self,
        hub: &Hub,
        outcome: Result<Connection, Error>,
    ) -> Result<Connection, Error> {
        let is_over = |error: &Error| ended(error).is_some() || error.cause() == Some(Cause::AccountMismatch);
        match (self.state, &outcome) {
            (State::There, Err(error)) if !is_over(error) => {
                const HINT: &str = "The new grant is kept: complete the same answer again within an hour.";
                return outcome.map_err(|error| error.hint(HINT));
            }
            (State::There, _) => {
                if let Err(error) = self.take_back(hub).await {
                    // Whoever has it, or asks again, is told the same.
                    tracing::debug!(target: "trunkline", error = %error, "a grant that is not wanted stays kept");
                }
            }
            (State::Nowhere | State::Ours, _) => {}
        }
        if self.state == State::Ours {
            take::finish(hub, &self.place, &outcome).await;
        }
        outcome
    }
}
