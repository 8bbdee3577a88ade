//! From a verified token to what it asks of the hub.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};
use trunkline::{Signal, SignalKind, SignalOrigin, SignalSubject};
use trunkline_core::ServiceText;

use crate::claims::Claims;
use crate::event::{Effect, effect};
use crate::json::text;
use crate::{Refusal, StreamUpdate, Subject, Transmitter};

/// What one event of a token asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Something happened to an account.
    Signal(Signal),
    /// The transmitter tries whether it is heard.
    Verification {
        /// What the receiver gave it to say, if it did.
        state: Option<String>,
    },
    /// The transmitter stops sending, or begins again.
    StreamUpdated(StreamUpdate),
}

/// What the events of a token ask for, in their order. Those that are not known, or about something else than
/// grants, ask for nothing.
pub(crate) fn notices(
    transmitter: &Transmitter,
    members: &Map<String, Value>,
    claims: &Claims<'_>,
) -> Result<Vec<Notice>, Refusal> {
    let mut notices = Vec::new();
    for (uri, payload) in claims.events {
        let payload = payload.as_object().ok_or(Refusal::malformed("an event is no object"))?;
        let reading = Reading { transmitter, members, claims, uri, payload };
        match effect(uri) {
            Some(Effect::Signal(kind)) => reading.signals(kind, &mut notices)?,
            Some(Effect::TokenRevoked) => reading.token_revoked(&mut notices)?,
            Some(Effect::Verification) => {
                let state = text(payload, "state").map(str::to_owned);
                notices.push(Notice::Verification { state });
            }
            Some(Effect::StreamUpdated) => notices.push(Notice::StreamUpdated(reading.stream_updated()?)),
            Some(Effect::Noted) | None => {
                tracing::debug!(target: "trunkline", issuer = transmitter.issuer, event = %ServiceText::new(uri), "event of no grant");
            }
        }
    }
    Ok(notices)
}

struct Reading<'a> {
    transmitter: &'a Transmitter,
    members: &'a Map<String, Value>,
    claims: &'a Claims<'a>,
    uri: &'a str,
    payload: &'a Map<String, Value>,
}

impl Reading<'_> {
    /// Whom the event is about: its own `subject`, as the older types have it, or the token's `sub_id`, or its
    /// `sub`.
    fn subject(&self) -> Result<Option<Subject>, Refusal> {
        if let Some(subject) = self.payload.get("subject").or_else(|| self.members.get("sub_id")) {
            return Subject::parse(subject).map(Some);
        }
        let iss = self.transmitter.issuer.clone();
        Ok(text(self.members, "sub").map(|sub| Subject::IssSub { iss, sub: sub.to_owned() }))
    }

    fn signals(&self, kind: SignalKind, notices: &mut Vec<Notice>) -> Result<(), Refusal> {
        let Some(subject) = self.subject()? else {
            return Err(Refusal::malformed("an event has no subject"));
        };
        self.signals_about(&subject, &self.transmitter.accounts_of(&subject), kind, notices)
    }

    /// One revoked token ends the grant if it is the refresh token that is held. Of an access token, and where
    /// it is not said which token, one renewal tells.
    fn token_revoked(&self, notices: &mut Vec<Notice>) -> Result<(), Refusal> {
        let subject = self.subject()?.ok_or(Refusal::malformed("an event has no subject"))?;
        let Subject::OAuthToken { token_type, hint } = &subject else {
            let accounts = self.transmitter.accounts_of(&subject);
            return self.signals_about(&subject, &accounts, SignalKind::SessionRevoked, notices);
        };
        let owner = self.payload.get("token_subject").or_else(|| self.members.get("sub_id"));
        let owner = owner.map(Subject::parse).transpose()?;
        let accounts = self.transmitter.accounts_of(owner.as_ref().unwrap_or(&subject));
        match (token_type.as_str(), hint) {
            ("refresh_token", Some(hint)) => {
                let of_token: Vec<_> =
                    accounts.into_iter().map(|account| account.with_token(hint.clone())).collect();
                self.signals_about(&subject, &of_token, SignalKind::GrantRevoked, notices)
            }
            ("refresh_token" | "access_token", _) => {
                self.signals_about(&subject, &accounts, SignalKind::SessionRevoked, notices)
            }
            // A code that was not exchanged, or what is not known here.
            _ => Ok(()),
        }
    }

    fn signals_about(
        &self,
        subject: &Subject,
        accounts: &[SignalSubject],
        kind: SignalKind,
        notices: &mut Vec<Notice>,
    ) -> Result<(), Refusal> {
        let issuer = &self.transmitter.issuer;
        let at = self.claims.time_of(self.payload)?;
        if accounts.is_empty() {
            let (event, format) = (ServiceText::new(self.uri), ServiceText::new(subject.format()));
            tracing::warn!(target: "trunkline", issuer, %event, %format, "event of no account that is known here");
            return Ok(());
        }
        let connectors: BTreeSet<_> =
            self.claims.audiences.iter().flat_map(|audience| self.transmitter.connectors(audience)).collect();
        let span = self.transmitter.max_age.saturating_add(self.transmitter.skew);
        let forget_at = self.claims.issued_at.checked_add(span).unwrap_or(Timestamp::MAX);
        for connector in connectors {
            let (issuer, id, event) = (issuer.clone(), self.claims.id.to_owned(), self.uri.to_owned());
            notices.push(Notice::Signal(Signal {
                connector: connector.to_owned(),
                subjects: accounts.to_vec(),
                kind,
                at,
                origin: SignalOrigin { issuer, id, event },
                forget_at,
            }));
        }
        Ok(())
    }

    fn stream_updated(&self) -> Result<StreamUpdate, Refusal> {
        let status = text(self.payload, "status").ok_or(Refusal::malformed("a stream has no status"))?;
        Ok(StreamUpdate {
            issuer: self.transmitter.issuer.clone(),
            status: ServiceText::new(status),
            reason: text(self.payload, "reason").map(ServiceText::new),
        })
    }
}
