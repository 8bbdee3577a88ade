//! What public material leaves open about the service, as switches with documented defaults.

use serde::{Deserialize, Serialize};

/// Every switch of the simulator that is no policy of an app, an org or a user.
///
/// A field exists where the sources are silent or contradict each other, or where a test needs a number to
/// be small.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// Seconds an authorization code lives. Default 900.
    pub code_lifetime_s: u64,
    /// Live refresh tokens of one user and app; one more ends the oldest. Sources disagree whether the
    /// fifth or the sixth does. Default 5, that is, the sixth.
    pub max_approvals: usize,
    /// The form of access tokens. Default [`AccessTokenForm::Opaque`].
    pub access_token_form: AccessTokenForm,
    /// Whether the same app and user get the access token that still lives instead of another. Default
    /// false.
    pub repeat_access_token: bool,
    /// Whether the answer to a refresh states `scope`. Default true.
    pub scope_on_refresh: bool,
    /// What token answers state as `instance_url` instead of the org's address. Default `None`.
    pub instance_url: Option<String>,
    /// Milliseconds of real time that a refresh holds its lock for. Default 0.
    pub refresh_latency_ms: u64,
    /// What is locked during a refresh. Default [`RefreshLock::Token`].
    pub refresh_lock: RefreshLock,
    /// The body of a refresh that met the lock. Default [`RaceBody::BeingProcessed`].
    pub race_body: RaceBody,
    /// The form of a refusal because the user is inactive. Default [`InactiveUser::InvalidGrant`].
    pub inactive_user: InactiveUser,
    /// `error_description` for a frozen user. Default `inactive user`.
    pub frozen_description: String,
    /// How far ahead the `exp` of a JWT assertion may lie, in seconds. Sources say 180 or 300. Default 300.
    pub assertion_max_s: u64,
    /// Further values of `aud` that a JWT assertion may have. Default none, beside
    /// `https://login.salesforce.com`, `https://test.salesforce.com` and the simulator's own two.
    pub assertion_audiences: Vec<String>,
    /// Whether introspection counts as activity of a session. Default false.
    pub introspect_touches: bool,
    /// Whether `grant_type=password` is allowed; blocked by default since Summer '23. Default false.
    pub password_grant: bool,
    /// Whether sign-ins with a password come from a trusted network, where the security token is not
    /// wanted. Default false.
    pub trusted_network: bool,
    /// Sign-ins that one user may make in an hour without a person (assertion, client credentials,
    /// password). Default 3600.
    pub logins_per_hour: usize,
    /// `error` of a denied consent. Default `access-denied`, as documented for this flow.
    pub denial: String,
    /// Text of the 403 for an identity call whose token lacks the scopes. Default `No_Access`.
    pub identity_refusal: String,
    /// The body of a create, update or delete without the object permission.
    pub object_refusal: Refusal,
    /// The body of an update or delete that the record's sharing forbids.
    pub record_refusal: Refusal,
    /// Oldest and newest version of the API. Default 31 and 68.
    pub versions: (u32, u32),
    /// Records on a page of a query unless the client asks for another number. Default 2000.
    pub query_page: usize,
    /// Whether answers carry `Sforce-Limit-Info`. Default true.
    pub limit_header: bool,
    /// Calls of one app in 24 hours, stated beside the org's in the header. Default `None`: not stated.
    pub per_app_limit: Option<u64>,
    /// Whether the header states the app's usage before the org's. Default false.
    pub per_app_first: bool,
    /// Data calls in flight in one org before `ConcurrentPerOrgLongTxn`. Default `None`: no limit.
    pub max_concurrent: Option<u32>,
    /// `Retry-After` on refusals for load and maintenance. Default `None`, as the service.
    pub retry_after_s: Option<u64>,
    /// Milliseconds of real time every data call takes, so that calls overlap. Default 0.
    pub api_latency_ms: u64,
    /// Seconds by which the `Date` header is off the simulator's clock. Default `None`: the machine's time.
    pub date_offset_s: Option<i64>,
    /// Whether a GET of the authorise URL approves as the seeded user instead of showing the page.
    /// Default false. The parameter `_decide` (`deny`, `not_installed`, `blocked`, `hang`) decides otherwise.
    pub auto_approve: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            code_lifetime_s: 900,
            max_approvals: 5,
            access_token_form: AccessTokenForm::Opaque,
            repeat_access_token: false,
            scope_on_refresh: true,
            instance_url: None,
            refresh_latency_ms: 0,
            refresh_lock: RefreshLock::Token,
            race_body: RaceBody::BeingProcessed,
            inactive_user: InactiveUser::InvalidGrant,
            frozen_description: "inactive user".to_owned(),
            assertion_max_s: 300,
            assertion_audiences: Vec::new(),
            introspect_touches: false,
            password_grant: false,
            trusted_network: false,
            logins_per_hour: 3600,
            denial: "access-denied".to_owned(),
            identity_refusal: "No_Access".to_owned(),
            object_refusal: Refusal::new(
                400,
                "INSUFFICIENT_ACCESS_OR_READONLY",
                "insufficient access rights on object",
            ),
            record_refusal: Refusal::new(
                403,
                "INSUFFICIENT_ACCESS",
                "insufficient access rights on object id",
            ),
            versions: (31, 68),
            query_page: 2000,
            limit_header: true,
            per_app_limit: None,
            per_app_first: false,
            max_concurrent: None,
            retry_after_s: None,
            api_latency_ms: 0,
            date_offset_s: None,
            auto_approve: false,
        }
    }
}

/// The form of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenForm {
    /// The short org id, `!`, and text with `.` and `_`.
    Opaque,
    /// A JWT, as external client apps may issue. Its claims are this simulator's: they mean nothing.
    Jwt,
}

/// What is locked while a refresh token is being refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshLock {
    /// The refresh token, as the release notes have it.
    Token,
    /// The app, as an integrator reports.
    App,
}

/// The `error_description` of a refresh that met another one of the same token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaceBody {
    /// `token request is already being processed`, since Winter '25.
    BeingProcessed,
    /// `expired authorization code`, before that.
    ExpiredCode,
}

/// The form of a refusal because the user is inactive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InactiveUser {
    /// `invalid_grant` / `inactive user`.
    InvalidGrant,
    /// `inactive_user` / `user is inactive`, the older one.
    InactiveUser,
}

/// A refusal whose status and code vary by API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `errorCode`.
    pub code: String,
    /// `message`.
    pub message: String,
}

impl Refusal {
    /// A refusal of these parts.
    #[must_use]
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }
}
