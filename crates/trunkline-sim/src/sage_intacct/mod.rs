//! Sage Intacct's REST API on loopback.
//!
//! [`SageIntacct::start`] serves the paths of `api.intacct.com` on a free port: `/ia/api/v1/oauth2/…`,
//! `/ia/api/v1/objects/…`, `/ia/api/v1/workflows/…` and `/ia/api/v1/services/core/…`. Where public material is
//! silent or contradicts itself there is a switch in [`Knobs`]. The XML gateway, bulk and asynchronous jobs are
//! not simulated.
//!
//! The seed: company `acme-corp` with the entities `E100` and `E200`, 250 shared vendors and three in each
//! entity, `globex` and `acme-corp-sandbox` with the same users and fewer vendors. Users:
//! `integration` (Web Services user, every permission, allowed for client credentials), `admin`
//! (administrator without object permissions), `clerk` (vendors and bills), `reader`, `addonly` (Add without
//! List), `norights` (empty role), `employee` (employee type), `e100only` (one entity), `grouped` (the role of a
//! user group), `useradmin` (sees users and little else), `usersonly` (nothing but users), `viewonly`,
//! `manager`, `warehouse` (of other types, with few permissions), `limited` (limited administrator), `slidein`
//! (a role for slide-in alone), `bothentities` (two entities), `approver` (approves bills).
//!
//! # Rotation
//!
//! Nothing is known of the service's own, so refresh tokens stay by default. The usual policies:
//!
//! | reuse of a spent token | [`Knobs`] |
//! | --- | --- |
//! | ends the family | `rotation` [`Rotation::OnWithReuseDetection`] |
//! | is refused, and the new token lives on | `rotation` [`Rotation::On`] |
//! | works for a while if it is the previous one | either of them, with `rotation_grace_s` |
//!
//! [`Control::token_exchanges`](crate::control::Control::token_exchanges) and
//! [`Control::families`](crate::control::Control::families) tell how often tokens were issued, reused and
//! refused; [`TokenFault`] loses requests and answers.
//!
//! # Control over HTTP
//!
//! Beneath [`SageIntacct::control_url`]; bodies are JSON objects, an answer other than 200 has `error`.
//!
//! | route | body |
//! | --- | --- |
//! | `POST advance-clock` | `seconds` |
//! | `POST revoke`, `ui-login`, `lock-user`, `unlock-user`, `reject-access-tokens` | `user`, `company` |
//! | `POST reject-access-token` | `token` |
//! | `POST end-family` | `family` |
//! | `POST supersede` | `user`, `company`, `client_id` |
//! | `POST set-user-type` | `user`, `company`, `user_type` |
//! | `POST set-permission-type` | `company`, `permission_type` (`role_based` or `user_based`) |
//! | `POST change-role` | `user`, `company`, `role` |
//! | `POST set-permissions` | `company`, `role`, `module`, `permission`, `rights` |
//! | `POST add-permission` | `company`, `module`, `permission` |
//! | `POST rename-permission` | `company`, `module`, `permission`, `name` |
//! | `POST subscribe`, `unsubscribe` | `company`, `module` |
//! | `POST authorise-client`, `deauthorise-client` | `company`, `client_id`; `user` to authorise for client credentials |
//! | `POST deauthorise-sender` | `company` |
//! | `POST set-company-active`, `set-address-admitted`, `set-account-override` | `company`, `on` |
//! | `POST maintenance` | `on` |
//! | `POST inject` | `fixture` (a [`Fixture`]), or `named` (`E1` …) with `matcher` and `times` |
//! | `POST fail-token-endpoint` | `fault` (a [`TokenFault`]), `times` |
//! | `POST fail` | the same, and `matcher` (a [`Matcher`]) for any call |
//! | `POST pause-token-endpoint`, `pause-token-answers`, `resume-token-endpoint` | – |
//! | `POST clear-token-faults`, `clear-requests` | – |
//! | `POST set-client-secret` | `client_id`, `secret` |
//! | `POST approve`, `deny` | `authorize_url`; `user`, `company`; answers `callback` |
//! | `GET requests`, `token-requests`, `token-exchanges`, `families`, `knobs` | – |
//! | `PATCH knobs` | members of [`Knobs`] |
//!
//! A fault reads as `"lose_answer"` or `{"delay_answer_ms":500}`.

mod amount;
mod authorize;
mod batch;
mod catalogue;
mod company;
mod composite;
mod control;
mod control_http;
mod entity;
mod envelope;
mod family;
mod filter;
pub(crate) mod fixtures;
mod gateway;
mod idempotency;
mod jwt;
mod knobs;
mod objects;
mod payload;
mod permission;
mod query;
mod record;
mod seed;
mod services;
mod session;
mod simulator;
mod state;
mod throttle;
mod token;
mod token_request;
mod workflow;

pub use company::PermissionType;
pub use family::{Ended, Family};
pub use knobs::{
    AccessDeath, ClientRefusal, ErrorNesting, ExpiredAnswer, Knobs, Refusal, RetryAfterSpelling, Rotation,
    SupersedeAt, SupersedeScope, ThrottleMode, UnknownFields,
};
pub use simulator::{Builder, ConsentRefused, SageIntacct};
pub use state::App;

pub use crate::control::NotFound;
pub use crate::fault::{Fault as TokenFault, Fixture, Matcher};
pub use crate::ledger::{Presented, TokenExchange};
pub use crate::log::LoggedRequest;

use knobs::SupersedeScope as Scope;
use simulator::Inner;
use state::World;

/// The control API.
pub type Control = crate::control::Control<Inner>;

pub(crate) const API_ROOT: &str = "/ia/api/v1";
pub(crate) const TOKEN_PATH: &str = "/ia/api/v1/oauth2/token";

/// The single-grant rule: a new consent ends the earlier ones of the same user and company.
fn supersede(world: &mut World, user: &str, company: &str, client: &str) {
    let scope = world.knobs.supersede_scope;
    world.end_grants(Ended::Superseded, world.knobs.superseded_access, |grant| {
        grant.from_consent
            && grant.user == user
            && grant.company == company
            && match scope {
                Scope::AnyClient => true,
                Scope::SameClient => grant.client == client,
                Scope::Off => false,
            }
    });
}
