//! Inputs and captures.

use serde::Deserialize;
use trunkline_core::InputSpec;

use crate::at::At;
use crate::host::HostPattern;
use crate::intern::intern;
use crate::pattern::Pattern;

/// One thing that must be known before a connection can be made.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// What a person is asked for.
    pub(crate) title: At<String>,
    /// What a good value looks like. For a secret it is made up.
    pub(crate) example: At<String>,
    /// What every good value matches. Needed for an input in a URL, unless `one_of` is there.
    #[serde(default)]
    pub(crate) pattern: Option<At<Pattern>>,
    /// The only good values.
    #[serde(default)]
    pub(crate) one_of: Option<At<Vec<String>>>,
    /// Whether it is a whole host, which whoever gives it names: a name of the public Internet, at port 443. It is the
    /// host of URLs, `https://{input.NAME}/…`, and is marked so in `allowed_hosts`. Default false.
    #[serde(default)]
    pub(crate) public_host: bool,
    /// Whether it must not be shown. Default false.
    #[serde(default)]
    pub(crate) secret: bool,
    /// Who gives it. Default `tenant`.
    #[serde(default)]
    pub(crate) given_by: GivenBy,
    /// Whether it may be left out: then the parameter that holds it is left out. Default false.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Its value where it is left out, which makes it optional wherever it stands.
    #[serde(default)]
    pub(crate) default: Option<At<String>>,
}

impl Input {
    /// Whether a connection can be made without it.
    pub(crate) const fn may_lack(&self) -> bool {
        self.optional || self.default.is_some()
    }

    /// As connectors declare it.
    pub(crate) fn spec(&self, name: &str) -> InputSpec {
        let spec = InputSpec::new(intern(name), intern(&self.title), intern(&self.example));
        InputSpec {
            secret: self.secret,
            optional: self.may_lack(),
            once: self.given_by == GivenBy::Once,
            ..spec
        }
    }
}

/// Who gives an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum GivenBy {
    /// Each connection, by the application or the person who connects.
    #[default]
    Tenant,
    /// The settings of the connector, under `inputs`.
    Operator,
    /// As `tenant`, for the exchange alone: it is not stored.
    Once,
}

/// One thing that the service returns and that belongs to the connection. It is no secret.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Capture {
    /// What returns it.
    pub(crate) from: At<CaptureSource>,
    /// The parameter or member that holds it; dots lead into objects. Default: the capture's name.
    #[serde(default)]
    pub(crate) member: Option<At<String>>,
    /// What every good value matches. This, `one_of` or `hosts` is needed.
    #[serde(default)]
    pub(crate) pattern: Option<At<Pattern>>,
    /// The only good values.
    #[serde(default)]
    pub(crate) one_of: Option<At<Vec<String>>>,
    /// The value is a URL, or a host, at one of these; only then may a URL begin with it.
    #[serde(default)]
    pub(crate) hosts: Option<At<Vec<At<HostPattern>>>>,
    /// Whether a first answer without a good value is refused. Default true.
    #[serde(default = "yes")]
    pub(crate) required: bool,
}

impl CaptureSource {
    /// Whether a token answer brings it.
    pub(crate) const fn is_of_token_answer(self) -> bool {
        matches!(self, Self::TokenResponse | Self::IdToken)
    }
}

/// What returns a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureSource {
    /// The redirect after consent.
    Callback,
    /// The token endpoint's answer, each time.
    TokenResponse,
    /// The claims of the id token, which comes straight from the token endpoint.
    IdToken,
    /// The answer to the request `after_consent`.
    Request,
}

const fn yes() -> bool {
    true
}
