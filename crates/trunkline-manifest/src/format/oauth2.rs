//! OAuth 2, in the standards' words (RFC 6749, 7009, 7591, 8414).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::{ClientAssertion, Injection, Revocation, Templates};
use crate::at::At;
use crate::template::Template;

/// The OAuth 2 grants.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuth2 {
    /// The grants that the service offers, the default first: `authorization_code`, `device_code`,
    /// `client_credentials`.
    pub(crate) grant_types: Vec<At<GrantType>>,
    /// The service's own words for `client_credentials` or `device_code` in `grant_type`, such as
    /// `client_credentials = "account_credentials"`.
    #[serde(default)]
    pub(crate) grant_type_names: BTreeMap<String, At<String>>,
    /// Where a person approves.
    #[serde(default)]
    pub(crate) authorization_endpoint: Option<At<Template>>,
    /// Where a code is asked for that a person enters on another device (RFC 8628).
    #[serde(default)]
    pub(crate) device_authorization_endpoint: Option<At<Template>>,
    /// Where tokens are asked for.
    pub(crate) token_endpoint: At<Template>,
    /// Where renewals are sent. Default: the token endpoint.
    #[serde(default)]
    pub(crate) refresh_endpoint: Option<At<Template>>,
    /// Where tokens are revoked (RFC 7009). Without it, disconnecting revokes nothing at the service.
    #[serde(default)]
    pub(crate) revocation_endpoint: Option<At<Template>>,
    /// How that endpoint is asked, if not as RFC 7009 says.
    #[serde(default)]
    pub(crate) revocation: Option<At<Revocation>>,
    /// Where tokens are introspected (RFC 7662): an identity may be read there.
    #[serde(default)]
    pub(crate) introspection_endpoint: Option<At<Template>>,
    /// How the client shows who it is. Default `client_secret_basic`, as in RFC 7591.
    #[serde(default)]
    pub(crate) token_endpoint_auth_method: AuthMethod,
    /// The tenant's input that is the client id, where each customer has a client of its own. Default: the settings'
    /// `client_id`.
    #[serde(default)]
    pub(crate) client_id_input: Option<At<String>>,
    /// The tenant's secret input that is the client secret; together with `client_id_input`.
    #[serde(default)]
    pub(crate) client_secret_input: Option<At<String>>,
    /// How the client proves itself with `private_key_jwt`.
    #[serde(default)]
    pub(crate) client_assertion: Option<At<ClientAssertion>>,
    /// Whether PKCE with S256 is used. Default true; false only for services that reject it.
    #[serde(default = "yes")]
    pub(crate) pkce: bool,
    /// The scopes that every connection asks for; the settings may add more. Default none.
    #[serde(default)]
    pub(crate) scopes: Vec<At<String>>,
    /// What separates scopes, in requests and answers: one character. Default a blank.
    #[serde(default = "blank")]
    pub(crate) scope_separator: char,
    /// The issuer that a callback may name (RFC 9207).
    #[serde(default)]
    pub(crate) issuer: Option<At<String>>,
    /// Further parameters of the authorization request. Roots: input.
    #[serde(default)]
    pub(crate) authorization_params: Templates,
    /// Further parameters of every token request. Roots: input.
    #[serde(default)]
    pub(crate) token_params: Templates,
    /// The service's names for the standard's parameters, such as `client_id = "client_key"`.
    #[serde(default)]
    pub(crate) parameter_names: BTreeMap<String, At<String>>,
    /// Parameters of the standard that the service does not take: `redirect_uri` or `scope`, in token requests.
    #[serde(default)]
    pub(crate) omitted_params: Vec<At<String>>,
    /// The name under which the callback has the code. Default `code`.
    #[serde(default)]
    pub(crate) callback_code: Option<At<String>>,
    /// The parameter of the callback by which the service signs it: the HMAC-SHA256 of all others by the client secret,
    /// sorted by name and form-encoded, in hexadecimal digits. Default: it signs none.
    #[serde(default)]
    pub(crate) callback_hmac: Option<At<String>>,
    /// The method of token requests. Default `POST`; `GET` needs `token_request_encoding = "query"`.
    #[serde(default)]
    pub(crate) token_request_method: RequestMethod,
    /// How token requests are written. Default `form`. With `query`, secrets stand in URLs.
    #[serde(default)]
    pub(crate) token_request_encoding: Encoding,
    /// How token answers are read.
    #[serde(default)]
    pub(crate) token_response: TokenResponse,
    /// How a grant is kept alive.
    #[serde(default)]
    pub(crate) renewal: RenewalPolicy,
    /// What requests carry. Default: `Authorization: Bearer {credential.access_token}`.
    #[serde(default)]
    pub(crate) injection: Option<At<Injection>>,
}

const fn yes() -> bool {
    true
}

const fn blank() -> char {
    ' '
}

/// A grant of OAuth 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename_all = "snake_case"))]
pub(crate) enum GrantType {
    /// A person approves at the service.
    AuthorizationCode,
    /// A person enters a code at the service, on whatever device; only where the settings ask for it.
    DeviceCode,
    /// Nobody is asked.
    ClientCredentials,
}

impl GrantType {
    /// The name in a manifest.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

impl<'de> Deserialize<'de> for GrantType {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct GrantVisitor;
        impl Visitor<'_> for GrantVisitor {
            type Value = GrantType;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a grant type")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GrantType, E> {
                match text {
                    "authorization_code" => Ok(GrantType::AuthorizationCode),
                    "client_credentials" => Ok(GrantType::ClientCredentials),
                    "device_code" => Ok(GrantType::DeviceCode),
                    "urn:ietf:params:oauth:grant-type:device_code" => {
                        Err(E::custom("the device grant (RFC 8628) is called `device_code` here"))
                    }
                    "implicit" | "password" => {
                        Err(E::custom(format!("`{text}` is not supported: RFC 9700 forbids it")))
                    }
                    "refresh_token" => {
                        Err(E::custom("`refresh_token` needs no mention: what has one is renewed with it"))
                    }
                    _ => Err(E::unknown_variant(
                        text,
                        &["authorization_code", "device_code", "client_credentials"],
                    )),
                }
            }
        }
        input.deserialize_str(GrantVisitor)
    }
}

/// How the client shows who it is, in the words of RFC 7591.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename_all = "snake_case"))]
pub(crate) enum AuthMethod {
    /// HTTP Basic, id and secret form-encoded first, as the standard wants it.
    #[default]
    ClientSecretBasic,
    /// HTTP Basic without that encoding.
    ClientSecretBasicRaw,
    /// In the body.
    ClientSecretPost,
    /// A statement that a private key signs (RFC 7523, 2.2).
    PrivateKeyJwt,
    /// A public client: no secret.
    None,
}

impl<'de> Deserialize<'de> for AuthMethod {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AuthVisitor;
        impl Visitor<'_> for AuthVisitor {
            type Value = AuthMethod;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a way to authenticate the client")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AuthMethod, E> {
                const ALL: &[&str] = &[
                    "client_secret_basic",
                    "client_secret_basic_raw",
                    "client_secret_post",
                    "private_key_jwt",
                    "none",
                ];
                match text {
                    "client_secret_basic" => Ok(AuthMethod::ClientSecretBasic),
                    "client_secret_basic_raw" => Ok(AuthMethod::ClientSecretBasicRaw),
                    "client_secret_post" => Ok(AuthMethod::ClientSecretPost),
                    "private_key_jwt" => Ok(AuthMethod::PrivateKeyJwt),
                    "none" => Ok(AuthMethod::None),
                    "client_secret_jwt" | "tls_client_auth" | "self_signed_tls_client_auth" => {
                        Err(E::custom(format!("`{text}` is not supported by this version")))
                    }
                    _ => Err(E::unknown_variant(text, ALL)),
                }
            }
        }
        input.deserialize_str(AuthVisitor)
    }
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum RequestMethod {
    /// POST.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// GET.
    #[serde(rename = "GET")]
    Get,
}

/// How the parameters of a token request are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// `application/x-www-form-urlencoded`.
    #[default]
    Form,
    /// A JSON object of texts.
    Json,
    /// The URL's query.
    Query,
}

/// How token answers are read. JSON and form-encoded answers are told apart by themselves, errors are looked for
/// before tokens, and the camelCase twins of the standard's members are found without being named.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenResponse {
    /// The object that holds the token. Default: the answer itself.
    #[serde(default)]
    pub(crate) within: Option<String>,
    /// The service's names for the standard's members: `access_token`, `refresh_token`, `expires_in`, `expires_at`,
    /// `refresh_token_expires_in`, `refresh_token_expires_at`, `scope`, `token_type`. Dots lead into objects.
    #[serde(default)]
    pub(crate) members: BTreeMap<String, At<String>>,
    /// The unit of `expires_in`. Default seconds.
    #[serde(default)]
    pub(crate) expires_in_unit: Unit,
    /// The unit of `expires_at`, where it is a number: since 1970. Default seconds. Dates need no unit.
    #[serde(default)]
    pub(crate) expires_at_unit: Unit,
    /// What a lifetime of zero or less means. Default `unknown`.
    #[serde(default)]
    pub(crate) zero_expiry: Zero,
    /// The default lifetime counts from this member, where it is earlier than the request.
    #[serde(default)]
    pub(crate) issued_at: Option<IssuedAt>,
    /// The member that says, in seconds, when the whole grant ends.
    #[serde(default)]
    pub(crate) grant_expires_in: Option<String>,
    /// What separates scopes in answers, if not what separates them in requests.
    #[serde(default)]
    pub(crate) scope_separator: Option<char>,
    /// Other words for the token type `Bearer`.
    #[serde(default)]
    pub(crate) bearer_types: Vec<String>,
    /// The standard's error codes for the service's own, such as `bad_verification_code = "invalid_grant"`.
    #[serde(default)]
    pub(crate) error_codes: BTreeMap<String, At<String>>,
}

/// Where an answer says when its token was made.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuedAt {
    /// The member.
    pub(crate) member: String,
    /// Its unit. Default seconds.
    #[serde(default)]
    pub(crate) unit: Unit,
}

/// The unit of a number that is a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Seconds.
    #[default]
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Milliseconds where the number is too large for seconds.
    ByMagnitude,
}

/// What a lifetime of zero or less means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Zero {
    /// The service does not say.
    #[default]
    Unknown,
    /// The token does not expire.
    Never,
}

/// How a grant is kept alive.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RenewalPolicy {
    /// Seconds before its end that an access token is renewed; at most a tenth of its life counts. Default 60.
    #[serde(default)]
    pub(crate) margin_s: Option<At<u32>>,
    /// Seconds that an access token lives where the service does not say. Default: it has no end.
    #[serde(default)]
    pub(crate) default_lifetime_s: Option<At<u32>>,
    /// Seconds that a refresh token lives if it is not used, where the service does not say: a grant that nobody
    /// uses is renewed well before. Default: it has no end.
    #[serde(default)]
    pub(crate) idle_limit_s: Option<At<u32>>,
    /// What a spent refresh token does. Default `kills_family`.
    #[serde(default)]
    pub(crate) reuse: Option<At<Reuse>>,
    /// Seconds that a spent refresh token is still accepted, with `reuse = "grace"`.
    #[serde(default)]
    pub(crate) grace_s: Option<At<u32>>,
    /// What a revocation ends. Default `grant`.
    #[serde(default)]
    pub(crate) revocation_scope: RevocationScope,
    /// Whether a new consent for an account ends its earlier grants. Default false.
    #[serde(default)]
    pub(crate) new_consent_ends_earlier: bool,
}

/// What the service does when a refresh token that was already spent comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reuse {
    /// It ends the whole grant. Assumed of services that do not say.
    #[default]
    KillsFamily,
    /// It refuses, and the newest token still serves; also for services that do not rotate.
    RejectSoft,
    /// It accepts the previous token for `grace_s` after it was spent.
    Grace,
}

/// What a revocation ends at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RevocationScope {
    /// That token.
    Token,
    /// The grant it came from.
    #[default]
    Grant,
    /// Every grant of the same account, other connections' too.
    AccountPool,
}
