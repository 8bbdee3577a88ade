//! Providers written as data: what the kit needs is derived from the manifest, in all the forms that one can have, and
//! what is wrong with a manifest breaks the rule that is about it.
#![cfg(feature = "manifest")]

use std::sync::Arc;

use trunkline_manifest::Manifest;
use trunkline_testkit::{Outcome, Profile, Report, Rule, Signing, Walk};

const ACME: &str = r#"
manifest = 1
name = "acme"
title = "Acme"
docs = "https://docs.acme.example/api"
allowed_hosts = ["login.acme.example", "*.acme.example"]

[source]
urls = ["https://docs.acme.example/oauth"]
checked = "2026-11-25"
"#;

/// As far from the standards as the format goes.
const ODD: &str = r#"
[inputs.subdomain]
title = "Subdomain"
example = "acme"
pattern = "[a-z0-9][a-z0-9-]{0,62}"

[inputs.region]
title = "Region"
example = "eu"
one_of = ["eu", "us"]
given_by = "operator"

[captures.realm]
from = "callback"
member = "realmId"
pattern = "[0-9]{1,20}"

[captures.api]
from = "token_response"
member = "team.api_domain"
hosts = ["*.acme.example"]

[captures.person]
from = "id_token"
member = "sub"
pattern = "[0-9a-z]+"

[oauth2]
grant_types = ["authorization_code", "client_credentials"]
authorization_endpoint = "https://{input.subdomain}.acme.example/{input.region}/authorize"
token_endpoint = "https://{input.subdomain}.acme.example/token"
refresh_endpoint = "https://{input.subdomain}.acme.example/renew"
revocation_endpoint = "https://{input.subdomain}.acme.example/revoke"
token_endpoint_auth_method = "client_secret_basic_raw"
token_request_encoding = "json"
scopes = ["read", "write"]
scope_separator = ","
callback_code = "auth_code"
parameter_names = { client_id = "client_key", redirect_uri = "return_to" }
omitted_params = ["redirect_uri", "scope"]
authorization_params = { prompt = "consent" }
token_params = { version = "2" }

[oauth2.token_response]
within = "data"
members = { access_token = "token", expires_at = "ends" }
expires_at_unit = "milliseconds"
scope_separator = " "
bearer_types = ["member"]
issued_at = { member = "made", unit = "milliseconds" }
grant_expires_in = "grant_life"
error_codes = { code_spent = "invalid_grant" }

[oauth2.renewal]
reuse = "grace"
grace_s = 1800
margin_s = 10

[oauth2.injection.headers]
X-Acme-Token = "{credential.access_token}"

[api]
base_url = "{capture.api}/v1"
entity_header = "X-Acme-Realm"
entity = "{capture.realm}"

[identity]
url = "{capture.api}/v1/realms/{capture.realm}/query"
method = "POST"
body = '{"query":"{ me }"}'
company = "{capture.realm}-{response.data.0.team.id}"
user = "{capture.person}"

[[errors]]
calls = ["api"]
status = [401, 498]
codes = ["session_over"]
cause = "access_token_expired"

[[errors]]
calls = ["api", "refresh"]
message = "trial is over"
cause = "company_expired"
actor = "customer_administrator"

[rate_limit]
status = [403]
remaining_header = "X-Left"
reset_header = "X-Reset"
reset_unit = "epoch_seconds"
"#;

/// A code flow whose captures come with neither method but one would be refused for the other: here without captures.
const PLAIN: &str = r#"
[oauth2]
grant_types = ["authorization_code", "client_credentials"]
authorization_endpoint = "https://login.acme.example/authorize"
token_endpoint = "https://login.acme.example/token?version=2"
introspection_endpoint = "https://login.acme.example/introspect"
token_request_method = "GET"
token_request_encoding = "query"
pkce = false
scopes = ["contacts.read"]

[oauth2.token_response]
members = { expires = "ends" }
expires_in_unit = "by_magnitude"

[api]
base_url = "https://api.acme.example/v1"

[identity]
introspection = true
user = "{response.sub}"

[probe]
url = "https://api.acme.example/v1/ping"

[permissions]
set_at = "Settings, then Apps"
set_by = "an administrator"
scopes_suffice = true
operations."list:contact" = { scopes = ["contacts.read"], requests = ["GET /contacts"] }
operations."update:contact" = { scopes = ["contacts.read", "contacts.write"], requests = ["PATCH /contacts/*"] }
"#;

const TENANTS_CLIENT: &str = r#"
[inputs.id]
title = "Client id"
example = "app-1"
pattern = "[a-z0-9-]+"

[inputs.secret]
title = "Client secret"
example = "made-up"
secret = true

[oauth2]
grant_types = ["client_credentials"]
token_endpoint = "https://login.acme.example/token"
token_endpoint_auth_method = "client_secret_post"
client_id_input = "id"
client_secret_input = "secret"

[api]
base_url = "https://api.acme.example"

[identity]
url = "https://api.acme.example/me"
user = "{response.id}"
"#;

const KEYS: &str = r#"
default_method = "basic"

[inputs.account]
title = "Account"
example = "AC00000001"
pattern = "AC[0-9]{8}"

[inputs.key]
title = "Key"
example = "KEY-0000000000000000"
pattern = "KEY-[0-9A-Z]{16}"
secret = true

[inputs.long]
title = "Long key"
example = "sk_00000000000000000000000000000000000000000000"
pattern = "sk_[0-9a-z]{44}"
secret = true

[api_key]
inputs = ["key", "long"]

[api_key.injection]
headers = { X-Key = "{credential.key}" }
query = { signature = "{credential.long}" }

[basic]
inputs = ["account", "key"]
username = "{credential.account}"
password = "{credential.key}"

[api]
base_url = "https://api.acme.example"

[identity]
company = "{input.account}"

[probe]
url = "https://api.acme.example/accounts/{input.account}"

[[errors]]
calls = ["api"]
status = [403]
codes = ["key_deleted"]
cause = "user_credentials_invalid"
"#;

const LOGIN: &str = r#"
[inputs.user]
title = "User"
example = "ada@acme.example"

[inputs.password]
title = "Password"
example = "made-up"
secret = true

[inputs.private_key]
title = "Private key"
example = "made-up"
secret = true

[session_login]
login_endpoint = "https://login.acme.example/sessions"
params = { user = "user", pass = "password" }
fixed_params = { kind = "api" }
encoding = "json"
response = { within = "session", members = { access_token = "id" } }
renewal = { default_lifetime_s = 1800 }
injection = { headers = { Authorization = "Session {credential.access_token}" } }

[jwt_bearer]
token_endpoint = "https://login.acme.example/token"
private_key = "private_key"
key_id = "key-{input.user}"
claims = { iss = "{input.user}", aud = "https://login.acme.example/token" }
scopes = ["read"]

[api]
base_url = "https://api.acme.example"
headers = { X-Acme-Version = "2" }

[identity]
url = "https://api.acme.example/me"
company = "{response.company.id}"
user = "{input.user}"
details = { name = "{response.company.name}" }
"#;

/// Two ways of OAuth 1.0a, with a realm that the host has in another form.
const SIGNED: &str = r#"
[inputs.account]
title = "Account"
example = "1234567-sb1"
pattern = "[0-9]+[a-z0-9-]*"

[captures.person]
from = "token_response"
pattern = "[0-9]+@N[0-9]{2}"

[oauth1]
temporary_credential_endpoint = "https://login.acme.example/request_token"
authorization_endpoint = "https://login.acme.example/authorize"
token_endpoint = "https://login.acme.example/access_token"
signature_method = "HMAC-SHA256"
realm = "{input.account}"
realm_case = "upper_snake"
authorization_params = { perms = "write" }
token_request_method = "GET"

[api]
base_url = "https://api.acme.example/rest"

[identity]
url = "https://api.acme.example/me?format=json"
company = "{capture.person}"
user = "{response.user.id}"

[[errors]]
calls = ["api"]
codes = ["consumer_key_refused"]
cause = "client_not_permitted"

[[errors]]
calls = ["api"]
codes = ["98"]
cause = "grant_revoked"
"#;

const TOKEN_BASED: &str = r#"
[inputs.account]
title = "Account"
example = "1234567-sb1"
pattern = "[0-9]+[a-z0-9-]*"

[inputs.token]
title = "Token"
example = "made-up"
secret = true

[inputs.token_secret]
title = "Token secret"
example = "made-up"
secret = true

[oauth1_token]
token_input = "token"
token_secret_input = "token_secret"
signature_method = "HMAC-SHA256"
realm = "{input.account}"
realm_case = "upper_snake"

[api]
base_url = "https://api.acme.example"
headers = { X-Acme-Version = "2" }

[identity]
company = "{input.account}"

[probe]
url = "https://api.acme.example/ping"

[pagination]
style = "offset"
member = "items"
param = "offset"
"#;

fn manifest(rest: &str) -> Arc<Manifest> {
    // Keys of the top stand before its first table.
    let (top, tables) = match rest.trim_start().strip_prefix("default_method") {
        Some(_) => rest.trim_start().split_once("\n\n").expect("a key and tables"),
        None => ("", rest),
    };
    let (head, source) = ACME.split_once("\n\n").expect("keys and a table");
    Manifest::parse("acme.toml", &format!("{head}\n{top}\n\n{source}\n{tables}"))
        .unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn keeps_every_rule(rest: &str, methods: &[&str]) {
    let profiles = Profile::of_manifest(&manifest(rest));
    assert_eq!(profiles.len(), methods.len());
    for (profile, method) in profiles.iter().zip(methods) {
        assert_eq!(profile.name(), format!("acme ({method})"));
        let report = Report::of(profile);
        let broken: Vec<_> =
            report.rows.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Broken(_))).collect();
        assert!(broken.is_empty(), "{method}: {broken:#?}");
    }
}

#[test]
fn a_service_far_from_the_standards_keeps_every_rule() {
    // Without a callback there is no realm: nobody's client credentials can have one.
    keeps_every_rule(&ODD.replace(r#", "client_credentials""#, ""), &["authorization_code"]);
}

#[test]
fn a_service_of_queries_and_introspection_keeps_every_rule() {
    keeps_every_rule(PLAIN, &["authorization_code", "client_credentials"]);
}

#[test]
fn each_customers_own_client_keeps_every_rule() {
    keeps_every_rule(TENANTS_CLIENT, &["client_credentials"]);
}

#[test]
fn keys_of_any_shape_keep_every_rule() {
    keeps_every_rule(KEYS, &["basic", "api_key"]);
}

#[test]
fn logins_and_statements_keep_every_rule() {
    keeps_every_rule(LOGIN, &["session_login", "jwt_bearer"]);
}

#[test]
fn signed_requests_keep_every_rule() {
    keeps_every_rule(SIGNED, &["oauth1"]);
    keeps_every_rule(TOKEN_BASED, &["oauth1_token"]);
    let own = TOKEN_BASED
        .replace("[inputs.token]", "[inputs.id]\ntitle = 'Id'\nexample = 'key-1'\n[inputs.key]\ntitle = 'Key'\nexample = 'made-up'\nsecret = true\n[inputs.token]")
        .replace("token_input = \"token\"", "client_id_input = \"id\"\nclient_secret_input = \"key\"\ntoken_input = \"token\"")
        .replace("HMAC-SHA256", "PLAINTEXT");
    keeps_every_rule(&own, &["oauth1_token"]);
}

#[test]
fn a_walk_of_signed_requests_goes_to_its_end_and_shows_nothing_that_signs() {
    for text in [SIGNED, TOKEN_BASED] {
        let profile = Profile::of_manifest(&manifest(text)).remove(0);
        let walk = Walk::of(&profile).expect("it is walked");
        assert_eq!(walk.failure(), None);
        let shown = format!("{walk:?}");
        assert!(shown.contains("oauth_signature=\\\"<oauth_signature>\\\""), "{shown}");
        assert!(shown.contains("realm=\\\"1234567_SB1\\\""), "{shown}");
    }
}

/// A service that computes signatures in one way takes no other.
#[test]
fn a_signature_that_the_service_does_not_compute_is_broken() {
    let profile = Profile::of_manifest(&manifest(SIGNED)).remove(0);
    for wrong in [
        Signing::new("HMAC-SHA1"),
        Signing::new("HMAC-SHA256"),
        Signing::new("HMAC-SHA256").realms(["A", "B"]),
    ] {
        let outcome = Rule::named("signature_covers_the_request")
            .expect("there is one")
            .play(&profile.clone().signed(wrong));
        assert!(matches!(outcome, Outcome::Broken(_)), "{outcome}");
    }
}

/// The first profile of a manifest breaks the rule, and says this.
#[track_caller]
fn breaks(rest: &str, rule: &str, says: &str) {
    let profile = Profile::of_manifest(&manifest(rest)).remove(0);
    match Rule::named(rule).expect("there is one").play(&profile) {
        Outcome::Broken(why) => assert!(why.contains(says), "{rule}: {why}"),
        outcome => panic!("{rule}: {outcome}"),
    }
}

#[test]
fn a_matcher_that_no_answer_reaches_is_broken() {
    let shadowed = format!(
        "{LOGIN}\n[[errors]]\nstatus = [401]\ncause = \"access_token_expired\"\n\
         [[errors]]\nstatus = [401]\ncodes = [\"locked\"]\ncause = \"user_disabled\"\n"
    );
    breaks(&shadowed, "fixtures_are_diagnosed_as_expected", "errors 1 takes every answer that fits it");
    let beside = shadowed.replace(
        "[[errors]]\nstatus = [401]\ncause",
        "[[errors]]\ncodes = [\"over\"]\nstatus = [401]\ncause",
    );
    keeps_every_rule(&beside, &["session_login", "jwt_bearer"]);
}

#[test]
fn a_manifest_that_takes_failures_for_what_they_are_not_is_broken() {
    for (matcher, rule, says) in [
        ("status = [503]\ncause = \"grant_revoked\"", "outage_is_no_verdict_of_death", "GrantRevoked"),
        (
            "calls = [\"api\"]\nstatus = [401]\ncause = \"grant_revoked\"",
            "unauthorized_without_a_word_is_no_death",
            "ends the grant",
        ),
        (
            "codes = [\"invalid_client\"]\ncause = \"grant_revoked\"",
            "refused_client_ends_no_grant",
            "GrantRevoked",
        ),
        ("status = [429]\ncause = \"business_rule\"", "rate_limit_honours_retry_after", "business_rule"),
        (
            "calls = [\"api\"]\nstatus = [401]\ncause = \"permission_missing\"",
            "dead_token_is_not_alive",
            "PermissionMissing",
        ),
    ] {
        breaks(&format!("{TENANTS_CLIENT}\n[[errors]]\n{matcher}\n"), rule, says);
    }
}
