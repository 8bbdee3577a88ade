//! What public material leaves open about the service, as switches with documented defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Every switch of the simulator.
///
/// A field exists where the sources are silent or contradict each other, or where a test needs a
/// number to be small. Statuses are plain numbers so that any answer can be tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Seconds an access token lives, and the `expires_in` of the token answer. Default 43200.
    pub expires_in_s: u64,
    /// Whether the token answer states `expires_in` at all. Default true.
    pub send_expires_in: bool,
    /// Seconds an authorization code lives. Default 60.
    pub code_lifetime_s: u64,
    /// Seconds a refresh token lives, or `None` for no limit. Default `None`.
    pub refresh_token_lifetime_s: Option<u64>,
    /// Whether `client_credentials` answers carry a refresh token. Default false.
    pub client_credentials_refresh_token: bool,
    /// What a refresh does to the refresh token. Default [`Rotation::Off`].
    pub rotation: Rotation,
    /// Seconds after a rotation for which the previous refresh token, and no older one, still works.
    /// Beyond them [`rotation`](Self::rotation) says what its use does. Default 0.
    pub rotation_grace_s: u64,
    /// Whether a refresh with the previous token repeats the current one instead of rotating once more.
    /// Default false.
    pub grace_repeats_token: bool,
    /// Whether a refresh without rotation repeats the unchanged refresh token. Default true.
    pub repeat_refresh_token: bool,
    /// Whose earlier grants a new consent ends. Default [`SupersedeScope::AnyClient`].
    pub supersede_scope: SupersedeScope,
    /// The step of a new consent that ends the earlier grants. Default [`SupersedeAt::CodeExchange`].
    pub supersede_at: SupersedeAt,
    /// When the access tokens of an ended grant stop working. Default [`AccessDeath::AtOnce`].
    pub superseded_access: AccessDeath,
    /// Whether a sign-in to the web UI ends the user's refresh tokens too. Default false.
    pub ui_login_kills_refresh: bool,
    /// What an expired access token is answered. Default [`ExpiredAnswer::Alternating`].
    pub expired_answer: ExpiredAnswer,
    /// Status of `{"error":"invalid_grant"}`. Default 401.
    pub invalid_grant_status: u16,
    /// Whether a dead grant is reported as `invalid_client` (fixture E5). Default false.
    pub dead_grant_as_invalid_client: bool,
    /// The form of a refused client. Default [`ClientRefusal::InvalidClient`].
    pub client_refusal: ClientRefusal,
    /// Status of a refused client (fixtures E8 and E9). Default 401.
    pub client_refusal_status: u16,
    /// Status of a revocation, whose body is empty. Default 200.
    pub revoke_status: u16,
    /// Status of the revocation of an unknown token. Default 200, as RFC 7009 has it.
    pub revoke_unknown_status: u16,
    /// Status of a malformed token or a missing `Bearer` (fixtures E6 and E7). Default 401.
    pub malformed_token_status: u16,
    /// Status of a revoked or superseded token (fixture E3, `REST-2102`). Default 401.
    pub rejected_token_status: u16,
    /// Status of an unknown or forbidden entity (fixture E17). Default 403.
    pub entity_refusal_status: u16,
    /// Where `ia::error` sits in an API error. Default [`ErrorNesting::Result`].
    pub error_nesting: ErrorNesting,
    /// Body of a permission refusal (fixture E14). `{operation}` and `{object}` are filled in.
    pub permission_refusal: Refusal,
    /// Body of a refusal because the module is not subscribed (fixture E15). `{module}` is filled in.
    pub subscription_refusal: Refusal,
    /// Body of a refusal because the company does not list the client (fixture E16).
    pub client_app_refusal: Refusal,
    /// Body of an entity refusal (fixture E17). `{entity}` is filled in.
    pub entity_refusal: Refusal,
    /// Body of the refusal of an address that the company does not admit; the text is the XML gateway's.
    pub address_refusal: Refusal,
    /// Whether a role for slide-in alone counts in a call. Default true; the service does not say.
    pub slide_in_roles_apply: bool,
    /// Body of an idempotency conflict (fixture E27).
    pub conflict_refusal: Refusal,
    /// What happens to top-level fields that the simulator's list of an object lacks. Default
    /// [`UnknownFields::Accept`], since these lists are shorter than the service's own.
    pub unknown_fields: UnknownFields,
    /// Concurrent calls of one application in one company, or `None` for the company's tier (6).
    pub application_concurrency: Option<u32>,
    /// Concurrent calls in one company, or `None` for the company's tier (8).
    pub company_concurrency: Option<u32>,
    /// What a call over the limit meets. Default [`ThrottleMode::Refuse`].
    pub throttle_mode: ThrottleMode,
    /// Seconds stated in the throttle headers. Default 60.
    pub throttle_retry_after_s: u64,
    /// How the retry header of a 429 is spelt. Default [`RetryAfterSpelling::Both`].
    pub retry_after_spelling: RetryAfterSpelling,
    /// Whether answers below the limit carry the throttle headers. Default true.
    pub soft_limit_headers: bool,
    /// Milliseconds of real time every API call takes, so that calls overlap. Default 0.
    pub api_latency_ms: u64,
    /// Seconds in the `retry-after` of a maintenance answer (fixture E24). Default 120.
    pub maintenance_retry_after_s: u64,
    /// Whether a GET of the authorise URL approves as the seeded user instead of showing the
    /// consent page. Default false.
    pub auto_approve: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            expires_in_s: 43_200,
            send_expires_in: true,
            code_lifetime_s: 60,
            refresh_token_lifetime_s: None,
            client_credentials_refresh_token: false,
            rotation: Rotation::Off,
            rotation_grace_s: 0,
            grace_repeats_token: false,
            repeat_refresh_token: true,
            supersede_scope: SupersedeScope::AnyClient,
            supersede_at: SupersedeAt::CodeExchange,
            superseded_access: AccessDeath::AtOnce,
            ui_login_kills_refresh: false,
            expired_answer: ExpiredAnswer::Alternating,
            invalid_grant_status: 401,
            dead_grant_as_invalid_client: false,
            client_refusal: ClientRefusal::InvalidClient,
            client_refusal_status: 401,
            revoke_status: 200,
            revoke_unknown_status: 200,
            malformed_token_status: 401,
            rejected_token_status: 401,
            entity_refusal_status: 403,
            error_nesting: ErrorNesting::Result,
            permission_refusal: Refusal::new("permissionDenied", "No permission for {operation} on {object}"),
            subscription_refusal: Refusal::new("permissionDenied", "The {module} module is not subscribed"),
            client_app_refusal: Refusal::new(
                "permissionDenied",
                "The client application is not authorized for this company",
            ),
            entity_refusal: Refusal::new("permissionDenied", "Entity {entity} cannot be used"),
            address_refusal: Refusal::new("permissionDenied", "IP address denied"),
            slide_in_roles_apply: true,
            conflict_refusal: Refusal::new(
                "invalidRequest",
                "The idempotency key was used for another request",
            ),
            unknown_fields: UnknownFields::Accept,
            application_concurrency: None,
            company_concurrency: None,
            throttle_mode: ThrottleMode::Refuse,
            throttle_retry_after_s: 60,
            retry_after_spelling: RetryAfterSpelling::Both,
            soft_limit_headers: true,
            api_latency_ms: 0,
            maintenance_retry_after_s: 120,
            auto_approve: false,
        }
    }
}

/// What a refresh does to the refresh token; undocumented by Sage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// The refresh token stays.
    Off,
    /// Each refresh answers a new one; the old one is refused and the grant lives on.
    On,
    /// Each refresh answers a new one; use of an old one ends the whole grant.
    OnWithReuseDetection,
}

/// Whose earlier grants for the same user and company a new consent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupersedeScope {
    /// Those of the same client only.
    SameClient,
    /// Those of every client.
    AnyClient,
    /// Nobody's: the single-grant rule is off.
    Off,
}

/// The step of a new consent that ends the earlier grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupersedeAt {
    /// The person presses Accept.
    Approval,
    /// The code is exchanged.
    CodeExchange,
}

/// When the access tokens of an ended grant stop working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessDeath {
    /// With the grant.
    AtOnce,
    /// Each is served once more.
    AfterNextUse,
}

/// What an expired access token is answered; both have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredAnswer {
    /// E1: status 401, `GW-0040`.
    Gateway401,
    /// E2: status 400, `REST-1206`.
    Api400,
    /// E1 and E2 in turn, E1 first.
    Alternating,
}

/// The form of a refused client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientRefusal {
    /// E8: `{"error":"invalid_client"}`.
    InvalidClient,
    /// E9: `REST-1216`.
    Rest1216,
}

/// Where `ia::error` sits in an API error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorNesting {
    /// Inside `ia::result`, as the service's schema has it.
    Result,
    /// At the top, as its error guide has it.
    Top,
}

/// What happens to fields that the simulator does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFields {
    /// Stored and given back.
    Accept,
    /// Refused with `REST-1043` (fixture E20).
    Refuse,
}

/// What a call over the concurrency limit meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleMode {
    /// 429 at once.
    Refuse,
    /// It waits up to this many milliseconds of real time for a free slot, then 429. The older
    /// service levels waited about 30 s.
    HoldThenRefuse {
        /// The longest wait.
        hold_ms: u64,
    },
}

/// How the retry header of a 429 is spelt; the documentation has both forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfterSpelling {
    /// `X-IA-Throttle-Limit-RetryAfter`.
    Joined,
    /// `X-IA-Throttle-Limit-Retry-After`.
    Hyphenated,
    /// Both of them.
    Both,
}

/// The text of a refusal whose real body is unknown; the defaults are placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `code` of the error.
    pub code: String,
    /// `message` of the error.
    pub message: String,
    /// `errorId`, absent by default.
    #[serde(default)]
    pub error_id: Option<String>,
    /// `additionalInfo.messageId`, absent by default.
    #[serde(default)]
    pub message_id: Option<String>,
}

impl Refusal {
    /// A refusal without `errorId` and `messageId`.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned(), error_id: None, message_id: None }
    }
}

impl Knobs {
    pub(crate) fn api_latency(&self) -> Duration {
        Duration::from_millis(self.api_latency_ms)
    }
}
