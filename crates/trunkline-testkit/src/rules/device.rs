//! The consent by a code that a person enters on another device (RFC 8628).

use std::time::Duration;

use trunkline_core::{Cause, ConsentKind, ConsentStep, Error, Poll, is_secure};

use super::Played;
use crate::rule::{Failure, Verdict};
use crate::service::{Fault, Line};
use crate::stage::{Consent, Stage, ensure};

pub(super) async fn device_poll_says_what_it_heard(stage: &Stage) -> Played {
    let methods = stage.methods_by(ConsentKind::Device)?;
    if methods.is_empty() {
        let others = stage.methods()?.join(", ");
        return Ok(Verdict::Inapplicable(format!("nobody is shown a code: {others}")));
    }
    for method in methods {
        let auth = stage.auth(method)?;
        let consent = stage.consent(&*auth, 0).await?;
        shows_what_may_be_shown(stage, method, &consent)?;
        let says = |error: &str| Fault::json(400, &format!(r#"{{"error":"{error}"}}"#));
        for (heard, fault) in [
            (Heard::Pending, says("authorization_pending")),
            (Heard::SlowDown, says("slow_down")),
            (Heard::Failed(Cause::ConsentDenied), says("access_denied")),
            (Heard::Failed(Cause::ConsentExpired), says("expired_token")),
            (Heard::Failed(Cause::ConsentOutcomeUnknown), Fault::LostRequest),
            (Heard::Failed(Cause::ServiceUnreachable), Fault::NotSent),
            (Heard::Failed(Cause::ServiceUnavailable), Fault::json(503, "{}")),
        ] {
            stage.service.will(Line::Token, fault);
            let polled = poll(stage, method, &consent).await?;
            ensure!(stage, heard.is(&polled), "{method}: a poll that should say {heard:?} says {polled:?}");
        }
        let polled = poll(stage, method, &consent).await?;
        ensure!(stage, matches!(polled, Ok(Poll::Granted(_))), "{method}: after approval: {polled:?}");
    }
    Ok(Verdict::Held)
}

#[derive(Debug)]
enum Heard {
    Pending,
    SlowDown,
    Failed(Cause),
}

impl Heard {
    fn is(&self, polled: &Result<Poll, Error>) -> bool {
        match (self, polled) {
            (Self::Pending, Ok(Poll::Pending)) | (Self::SlowDown, Ok(Poll::SlowDown)) => true,
            (Self::Failed(cause), Err(error)) => error.cause() == Some(*cause),
            _ => false,
        }
    }
}

/// One poll: one request, and no waiting.
async fn poll(stage: &Stage, method: &str, consent: &Consent) -> Result<Result<Poll, Error>, Failure> {
    let auth = stage.auth(method)?;
    let (sent, began) = (stage.service.count(Line::Token), stage.clock.elapsed());
    let polled = auth.poll(&stage.token_cx(), &consent.answer).await;
    let sent = stage.service.count(Line::Token) - sent;
    ensure!(stage, sent == 1, "{method}: one poll sends {sent} requests");
    let took = stage.clock.elapsed() - began;
    ensure!(stage, took == Duration::ZERO, "{method}: a poll waits by itself, {took:?}");
    Ok(polled)
}

/// The state comes back, the page can be trusted, and what is kept is not shown.
fn shows_what_may_be_shown(stage: &Stage, method: &str, consent: &Consent) -> Result<(), Failure> {
    let begun = consent.begun.as_ref().map(|begun| &begun.step);
    let Some(ConsentStep::Device { state, user_code, verification_uri, verification_uri_complete, .. }) =
        begun
    else {
        return Err(Failure(format!("{method}: a device consent shows no code")));
    };
    ensure!(stage, *state == consent.ask.state, "{method}: the step has another state");
    let pages = [Some(verification_uri), verification_uri_complete.as_ref()];
    for page in pages.into_iter().flatten() {
        ensure!(stage, is_secure(page), "{method}: the page is not https");
        ensure!(stage, page.username().is_empty(), "{method}: the page has a user name before its host");
        stage.hides(&format!("{method}: the page"), page.as_str())?;
    }
    let is_plain = !user_code.is_empty() && !user_code.chars().any(char::is_control);
    ensure!(stage, is_plain, "{method}: the user code is empty or holds control characters");
    stage.hides(&format!("{method}: the user code"), user_code)
}
