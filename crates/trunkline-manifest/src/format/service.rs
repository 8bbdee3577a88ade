//! The API: where it is, who we are there, what its answers mean.

use serde::Deserialize;
use trunkline_core::{Actor, Cause};

use super::Templates;
use crate::at::At;
use crate::template::Template;

/// The API.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Api {
    /// Where paths of requests begin. Roots: input, capture.
    pub(crate) base_url: At<Template>,
    /// Further URLs whose hosts may see the credential; the path does not count. Roots: input, capture.
    #[serde(default)]
    pub(crate) further_urls: Vec<At<Template>>,
    /// Headers that requests carry unless they bring their own. Roots: input, of the operator.
    #[serde(default)]
    pub(crate) headers: Templates,
    /// Where answers have error codes in members of the service's own, beside those that are found by themselves; dots
    /// lead into objects, and numbers into lists.
    #[serde(default)]
    pub(crate) error_code_members: Vec<At<String>>,
    /// The header that scopes a request to a part of the account.
    #[serde(default)]
    pub(crate) entity_header: Option<At<String>>,
    /// Its value where a request names none. Roots: input, capture.
    #[serde(default)]
    pub(crate) entity: Option<At<Template>>,
}

/// Who the service says we are. Roots of the texts: response, capture, input.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// The URL that tells it, asked with the credential. Roots: input, capture. Without it, `response` has nothing.
    #[serde(default)]
    pub(crate) url: Option<At<Template>>,
    /// The method. Default `GET`.
    #[serde(default)]
    pub(crate) method: RequestKind,
    /// A JSON body, as a text.
    #[serde(default)]
    pub(crate) body: Option<At<String>>,
    /// Whether `response` is what the introspection endpoint says of the access token. Default false.
    #[serde(default)]
    pub(crate) introspection: bool,
    /// The organisation: identifiers that never change.
    #[serde(default)]
    pub(crate) company: Option<At<Template>>,
    /// The user.
    #[serde(default)]
    pub(crate) user: Option<At<Template>>,
    /// Anything else worth showing.
    #[serde(default)]
    pub(crate) details: Templates,
}

/// The method of a request that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum RequestKind {
    /// GET.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// POST, for services whose reading is one.
    #[serde(rename = "POST")]
    Post,
}

/// A cheap request that a dead grant cannot get answered.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Probe {
    /// The URL. Roots: input, capture.
    pub(crate) url: At<Template>,
    /// The method. Default `GET`.
    #[serde(default)]
    pub(crate) method: RequestKind,
    /// A JSON body, as a text.
    #[serde(default)]
    pub(crate) body: Option<At<String>>,
}

/// What an answer means. All conditions that are there must hold; at least one of `codes`, `message`, `status` is.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorMatcher {
    /// Which calls it is about. Default: all.
    #[serde(default)]
    pub(crate) calls: Vec<MatchedCall>,
    /// The statuses.
    #[serde(default)]
    pub(crate) status: Vec<u16>,
    /// Error codes of the service, any of them, wherever the body has them.
    #[serde(default)]
    pub(crate) codes: Vec<String>,
    /// A part of the error's message, in any case.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// Why it failed, by the codes of `docs/errors.md`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) cause: At<Cause>,
    /// Who can end it, if not the usual actor.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub(crate) actor: Option<Actor>,
    /// For a cause that passes: seconds until it is tried again, where the answer does not say. Default: the cause's own.
    #[serde(default)]
    pub(crate) retry_after_s: Option<At<u32>>,
    /// What that actor does, in the words of the service's menus.
    #[serde(default)]
    pub(crate) remedy: Vec<String>,
}

/// Which call an answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum MatchedCall {
    /// A request to the API.
    Api,
    /// The redirect after consent.
    Callback,
    /// The exchange for a first token.
    Exchange,
    /// A renewal.
    Refresh,
    /// A revocation.
    Revoke,
}

/// How the service says that it wants a pause.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimit {
    /// The statuses that say so. Default 429.
    #[serde(default = "too_many_requests")]
    pub(crate) status: Vec<u16>,
    /// The header that counts what is left: with a status above, the pause is meant only if it is 0.
    #[serde(default)]
    pub(crate) remaining_header: Option<At<String>>,
    /// The header that says how long or until when, where `Retry-After` does not.
    #[serde(default)]
    pub(crate) reset_header: Option<At<String>>,
    /// What its number is. Default `seconds`.
    #[serde(default)]
    pub(crate) reset_unit: ResetUnit,
}

/// What the number of a reset header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResetUnit {
    /// Seconds from now.
    #[default]
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// A point in time, in seconds since 1970.
    EpochSeconds,
    /// A point in time, in milliseconds since 1970.
    EpochMilliseconds,
}

fn too_many_requests() -> Vec<u16> {
    vec![429]
}
