//! What a token request says, in whatever form it is written.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::script::Sent;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Those of the body, a form or a JSON object, and those of the query.
    pub(super) fn of(sent: &Sent) -> Self {
        let mut params = Self::of_query(sent.url.query().unwrap_or_default());
        match serde_json::from_str::<BTreeMap<String, Value>>(&sent.body) {
            Ok(members) => {
                let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                params.0.extend(members.into_iter().map(|(name, value)| (name, text(value))));
            }
            Err(_) => params.0.extend(Self::of_query(&sent.body).0),
        }
        params
    }

    pub(super) fn of_query(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What a token request asks for.
#[derive(Clone, PartialEq, Eq)]
pub enum Asked {
    /// A grant for a code.
    Exchange {
        /// The code.
        code: String,
        /// Where it is said to have been sent.
        redirect_uri: Option<String>,
        /// What PKCE's challenge was made of.
        verifier: Option<String>,
    },
    /// A new access token for a refresh token.
    Renew {
        /// The refresh token.
        refresh_token: String,
    },
    /// A grant for what the request itself proves: a client, a user, a session.
    Mint {
        /// The scopes that are asked for.
        scope: Option<String>,
    },
    /// A code that a person enters on another device (RFC 8628, 3.1).
    Device {
        /// The scopes that are asked for.
        scope: Option<String>,
    },
    /// Whether a person has entered it.
    Poll {
        /// The device code.
        device_code: String,
    },
    /// Temporary credentials (RFC 5849, 2.1).
    Temporary {
        /// Where the answer of the person is to arrive.
        callback: String,
    },
    /// Token credentials for them (RFC 5849, 2.3).
    Verified {
        /// The temporary credentials' token.
        token: String,
        /// What proves that a person approved.
        verifier: String,
    },
    /// The end of a grant.
    Revoke {
        /// A token of it.
        token: String,
    },
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exchange { .. } => "Exchange",
            Self::Renew { .. } => "Renew",
            Self::Mint { .. } => "Mint",
            Self::Device { .. } => "Device",
            Self::Poll { .. } => "Poll",
            Self::Temporary { .. } => "Temporary",
            Self::Verified { .. } => "Verified",
            Self::Revoke { .. } => "Revoke",
        })
    }
}

impl Asked {
    /// The same of parameters that were read already.
    #[cfg(feature = "manifest")]
    pub(crate) fn of_params(params: BTreeMap<String, String>, shows_codes: bool) -> Option<Self> {
        Self::of(&Params(params), shows_codes)
    }

    /// By RFC 5849, of the protocol's parameters.
    pub(crate) fn signed(params: impl IntoIterator<Item = (String, String)>) -> Option<Self> {
        let mut params: BTreeMap<String, String> = params.into_iter().collect();
        if let Some(callback) = params.remove("oauth_callback") {
            return Some(Self::Temporary { callback });
        }
        let (token, verifier) = (params.remove("oauth_token")?, params.remove("oauth_verifier")?);
        Some(Self::Verified { token, verifier })
    }

    /// By RFC 6749, RFC 7009 and RFC 8628, whatever form the parameters are written in. Where `shows_codes`, a request
    /// without a grant and without a token asks for one.
    pub(super) fn of(params: &Params, shows_codes: bool) -> Option<Self> {
        let text = |name: &str| params.get(name).map(str::to_owned);
        Some(match params.get("grant_type") {
            Some("refresh_token") => Self::Renew { refresh_token: text("refresh_token").unwrap_or_default() },
            Some("authorization_code") => Self::Exchange {
                code: text("code").unwrap_or_default(),
                redirect_uri: text("redirect_uri"),
                verifier: text("code_verifier"),
            },
            Some("urn:ietf:params:oauth:grant-type:device_code") => {
                Self::Poll { device_code: text("device_code").unwrap_or_default() }
            }
            Some(_) => Self::Mint { scope: text("scope") },
            None if shows_codes && text("token").is_none() => Self::Device { scope: text("scope") },
            None => Self::Revoke { token: text("token")? },
        })
    }
}

/// What a header's value says in base64, after its scheme; empty if it says nothing.
pub(super) fn decoded(value: &str) -> String {
    let text = value.rsplit(' ').next().unwrap_or_default();
    STANDARD.decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
