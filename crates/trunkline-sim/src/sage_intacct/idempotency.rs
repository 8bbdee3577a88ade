//! `Idempotency-Key` on POST and PATCH of objects.

use super::envelope::ApiError;
use super::session::Caller;
use super::state::World;
use crate::clock::rfc3339;
use crate::exchange::{Call, Reply};
use crate::random;

const CACHED_S: i64 = 48 * 3600;
const REMEMBERED_S: i64 = 60 * 86_400;
const MAX_KEY: usize = 256;

/// A key with the request it was used for and the answer it got.
#[derive(Debug)]
pub(crate) struct Remembered {
    fingerprint: String,
    reply: Reply,
    at_s: i64,
}

/// What a key means for this call.
pub(crate) enum Known {
    /// No key, or a method that knows none.
    Unkeyed,
    /// Run the call and remember its answer under this name.
    New { name: String, fingerprint: String },
    /// Answer this instead.
    Repeat(Reply),
}

pub(crate) fn look_up(world: &World, call: &Call, caller: &Caller, now_s: i64) -> Result<Known, ApiError> {
    let Some(key) =
        call.header("idempotency-key").filter(|_| matches!(call.method.as_str(), "POST" | "PATCH"))
    else {
        return Ok(Known::Unkeyed);
    };
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(ApiError::bad_request(format!("Idempotency-Key holds 1 to {MAX_KEY} characters")));
    }
    let name = [&caller.client, &caller.company, key].join("\n");
    let request = [call.method.as_str().as_bytes(), call.path.as_bytes(), &call.body].join(&b'\n');
    let fingerprint = random::sha256(&request);
    match world.remembered.get(&name).filter(|known| now_s - known.at_s < REMEMBERED_S) {
        None => Ok(Known::New { name, fingerprint }),
        Some(known) if known.fingerprint == fingerprint && now_s - known.at_s < CACHED_S => {
            let reply = known.reply.clone();
            Ok(Known::Repeat(reply.with_header("x-ia-idempotency-cached-date", rfc3339(known.at_s))))
        }
        Some(_) => Err(ApiError::refusal(409, &world.knobs.conflict_refusal, &[])),
    }
}

/// Keeps an answer, unless it says that nothing was tried.
pub(crate) fn remember(world: &mut World, known: Known, reply: &Reply, now_s: i64) {
    if let Known::New { name, fingerprint } = known
        && reply.status < 500
    {
        world.remembered.insert(name, Remembered { fingerprint, reply: reply.clone(), at_s: now_s });
    }
}
