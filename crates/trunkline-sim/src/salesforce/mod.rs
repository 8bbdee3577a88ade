//! Salesforce's OAuth endpoints and REST API on loopback.
//!
//! [`Salesforce::start`] serves on a free port `/services/oauth2/…` (`authorize`, `token`, `revoke`,
//! `introspect`, `userinfo`), `/id/{org}/{user}`, `/services/Soap/u/{version}` (`login` and `logout`) and
//! `/services/data/…`: `limits`, `sobjects`, `query`, `queryAll` and `composite/sobjects`. What
//! administrators and developers set is an [`App`], an [`OrgPolicy`] or a [`UserPolicy`]; where public
//! material is silent or contradicts itself there is a switch in [`Knobs`]. Not simulated: device, token
//! exchange and user-agent flows, `id_token` and its keys, DPoP, dynamic registration, Bulk, Tooling and
//! Metadata API, Experience Cloud, permission set groups and muting, `If-Modified-Since` (describe answers `ETag` and `If-None-Match`), SOQL
//! beyond what `salesforce/soql.rs` lists.
//!
//! # Seed
//!
//! Orgs `acme` (2,300 accounts), `globex` and the sandbox `acme--dev` (12 each). In each the users, all with
//! one password and security token, as `name@acme.example`, `name@globex.example`, `name@acme.example.dev`:
//!
//! | user | profile | permission sets |
//! | --- | --- | --- |
//! | `integration` | Integration: every object and field | |
//! | `admin` | System Administrator: everything, setup too | |
//! | `reader` | Read Only: every object and field, to read | |
//! | `sales` | Sales: some objects, some fields hidden or read only | |
//! | `clerk` | Minimum Access: the API alone | `Invoice_Clerk` |
//! | `analyst` | Minimum Access | `View_All_Opportunities`, `Setup_Viewer` |
//! | `norights` | Minimum Access | |
//! | `noapi` | No API: every object, and no API | |
//! | `lapsed` | Minimum Access | `Invoice_Clerk`, expired |
//! | `former`, `frozen` | Integration | |
//!
//! Accounts and leads are shared with everybody, contacts to read, opportunities and invoices not at all;
//! half of all but the accounts belong to `sales`, the rest to `integration`. Describe, and every call, go
//! by the same records of `PermissionSet`, `ObjectPermissions`, `FieldPermissions` and
//! `PermissionSetAssignment`, which administrators read and write through the API.
//!
//! # Hosts
//!
//! With [`Hosts::One`] one address is all of Salesforce's hosts. With [`Hosts::Separate`] login, test and
//! two addresses of each My Domain are told apart by port: users sign in where they do at the service,
//! client credentials are refused at login and test, data is served at the org's present address alone, and
//! [`Control::rename_my_domain`](crate::control::Control::rename_my_domain) moves an org to the other one.
//!
//! # Tokens
//!
//! Rotation is on, as apps with several customers must have it since 2026: [`App::rotates`]. The use of a
//! rotated-out token ends its family; a refresh that meets another of the same token is answered
//! `token request is already being processed` and changes nothing, for as long as the first one is held by
//! [`Knobs::refresh_latency_ms`], a [`Fault`] or
//! [`Control::pause_token_endpoint`](crate::control::Control::pause_token_endpoint).
//! [`Control::families`](crate::control::Control::families) tells how often tokens were issued, reused,
//! raced and refused, [`Control::violations`](crate::control::Control::violations) what a good client does not
//! do.
//!
//! # Control over HTTP
//!
//! Beneath [`Salesforce::control_url`]; bodies are JSON objects, an answer other than 200 has `error`. An
//! `org` is an id or the name of a My Domain, a `permission_set` may be a profile.
//!
//! | route | body |
//! | --- | --- |
//! | `POST advance-clock` | `seconds` |
//! | `POST revoke`, `end-sessions` | `username` |
//! | `POST end-session` | `token` |
//! | `POST end-family` | `family` |
//! | `POST narrow-family` | `family`, `scopes` |
//! | `POST set-client-secret` | `client_id`, `secret` |
//! | `POST rename-my-domain` | `org` |
//! | `POST add-user` | `org`, `username`, `profile`; answers `id` |
//! | `POST add-permission-set`, `add-profile` | `org`, `name`; answers `id` |
//! | `POST assign`, `unassign` | `username`, `permission_set` |
//! | `POST set-object-permissions` | `org`, `permission_set`, `object`, `rights` |
//! | `POST set-field-permissions` | `org`, `permission_set`, `field`, `rights` |
//! | `POST set-system-permission` | `org`, `permission_set`, `permission`, `on` |
//! | `POST deploy-permission-set` | `org`, `name`, `xml`; answers `id` |
//! | `POST set-sharing` | `org`, `object`, `sharing` (`private`, `read_only`, `read_write`) |
//! | `POST share` | `record`, `username`, `share` (`read`, `edit`; without it: none) |
//! | `POST add-object` | `org`, `name` |
//! | `POST add-field` | `org`, `object`, `name`, `kind` |
//! | `POST add-record` | `username`, `object`, `fields`; answers `id` |
//! | `POST inject` | `fixture` (a [`Fixture`]), or `named` (`T01` …) with `matcher` and `times` |
//! | `POST fail-token-endpoint` | `fault` (a [`Fault`]), `times` |
//! | `POST fail` | the same, and `matcher` (a [`Matcher`]) for any call |
//! | `POST pause-token-endpoint`, `pause-token-answers`, `resume-token-endpoint` | – |
//! | `POST clear-token-faults`, `clear-requests` | – |
//! | `POST approve`, `deny` | `authorize_url`; `username`; answers `callback` |
//! | `GET requests`, `token-requests`, `token-exchanges`, `families`, `violations` | – |
//! | `GET` and `PATCH knobs`, `apps/{client_id}`, `orgs/{org}`, `users/{username}` | members of [`Knobs`], [`App`], [`OrgPolicy`], [`UserPolicy`] |

mod assertion;
mod authorize;
mod builder;
mod collections;
mod computed;
mod control;
mod control_http;
mod control_rights;
mod describe;
mod error;
mod family;
mod filter;
pub(crate) mod fixtures;
mod gates;
mod gateway;
mod grant_rights;
mod host;
mod id;
mod identity;
mod issue;
mod knobs;
mod metadata;
mod oauth_request;
mod org;
mod policy;
mod query;
mod record;
mod rest;
mod rights;
mod schema;
mod seed;
mod session;
mod simulator;
mod soap;
mod sobjects;
mod soql;
mod state;
mod token;
mod violation;
mod write;

pub use builder::Builder;
pub use family::{Ended, Family};
pub use host::Hosts;
pub use knobs::{AccessTokenForm, InactiveUser, Knobs, RaceBody, RefreshLock, Refusal};
pub use metadata::NotDeployed;
pub use org::{Shared, Sharing};
pub use policy::{App, AppKind, OrgPolicy, OrgStatus, Permitted, RefreshPolicy, UserPolicy};
pub use simulator::{ConsentRefused, Salesforce};
pub use violation::Violation;

pub use crate::control::NotFound;
pub use crate::fault::{Fault, Fixture, Matcher};
pub use crate::ledger::{Presented, TokenExchange};
pub use crate::log::LoggedRequest;

use simulator::Inner;

/// The control API.
pub type Control = crate::control::Control<Inner>;
