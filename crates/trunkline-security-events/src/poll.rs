//! The other way to deliver: the receiver asks (RFC 8936). Whoever holds the access token of the transmitter's
//! API sends the requests; what to ask, and what the answer means, stands here.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind};

use crate::{Receiver, Refusal, Rejected, json};

/// How much of an answer is read.
const LARGEST: usize = 4 * 1024 * 1024;

/// The body of the next request to a transmitter's polling endpoint: serialise it as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Poll {
    /// How many tokens to answer with at most; the transmitter's choice where it is `None`. With 0 it only
    /// hears what became of the last ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_events: Option<u32>,
    /// Whether to answer at once even if there is nothing; otherwise the transmitter may hold the request.
    pub return_immediately: bool,
    /// The ids of the tokens that were taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ack: Vec<String>,
    /// The ids of those that were refused, and why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    set_errs: BTreeMap<String, Refusal>,
}

impl Receiver {
    /// Takes the tokens of an answer to `poll`, and makes it the next request: which acknowledges what was taken
    /// and refuses what was not. Those that could not be applied now are neither, and so come again. Answers
    /// whether the transmitter has more right now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResponseInvalid`] for an answer that is none; `poll` then stays as it is.
    ///
    /// # Cancel safety
    ///
    /// As [`take`](Self::take): what is not acknowledged comes again.
    pub async fn take_polled(&self, poll: &mut Poll, answer: &[u8]) -> Result<bool, Error> {
        let (sets, more) = parse(answer).ok_or_else(|| {
            Error::new(ErrorKind::ResponseInvalid, "not the answer of a polling endpoint (RFC 8936, 2.3)")
        })?;
        let (mut ack, mut set_errs) = (Vec::new(), BTreeMap::new());
        for (id, token) in sets {
            match self.take(token.as_str().unwrap_or_default().as_bytes()).await {
                Ok(()) => ack.push(id),
                Err(Rejected::Refused(refusal)) => drop(set_errs.insert(id, refusal)),
                Err(Rejected::NotNow) => {}
            }
        }
        (poll.ack, poll.set_errs) = (ack, set_errs);
        Ok(more)
    }
}

fn parse(answer: &[u8]) -> Option<(Map<String, Value>, bool)> {
    let mut members = json::object(Some(answer).filter(|answer| answer.len() <= LARGEST)?).ok()?;
    let more = members.get("moreAvailable").and_then(Value::as_bool).unwrap_or(false);
    match members.remove("sets")? {
        Value::Object(sets) => Some((sets, more)),
        _ => None,
    }
}
