//! The request that follows a consent.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RequestKind;
use crate::at::At;
use crate::template::Template;

/// A request after the first token, whose answer holds the captures `from = "request"`. It is made once for each
/// consent, when the grant is stored, and again where that failed. It must change nothing at the service.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterConsent {
    /// The URL, asked with the credential. Roots: input, and captures that no request brings.
    pub(crate) url: At<Template>,
    /// The method. Default `GET`.
    #[serde(default)]
    pub(crate) method: RequestKind,
    /// A JSON body, as a text.
    #[serde(default)]
    pub(crate) body: Option<At<String>>,
    /// Where the answer is a list of things of which a connection has one. Without it, the answer is that one thing.
    #[serde(default)]
    pub(crate) choice: Option<At<Choice>>,
}

/// Which of several things a connection is about. If the input is not given and there are several, or it names none
/// or several, a person has to give it.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    /// Where the list stands; dots lead into objects. Default: the answer is the list.
    #[serde(default)]
    pub(crate) list: Option<String>,
    /// The optional input that names the one.
    pub(crate) input: At<String>,
    /// The members whose value it may be, in any case; a person is told those of the first.
    pub(crate) members: At<Vec<String>>,
    /// Members with their values, as texts: those that have all of them are looked at first if the input is not
    /// given.
    #[serde(default)]
    pub(crate) default: BTreeMap<String, String>,
}
