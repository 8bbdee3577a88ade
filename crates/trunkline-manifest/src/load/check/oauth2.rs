//! OAuth 2: grants, endpoints, the client, and how answers are read.

use std::collections::HashSet;

use trunkline_core::{nearest, printable};

use super::Check;
use crate::at::{At, Span};
use crate::format::{
    AuthMethod, CaptureSource, ClientAssertion, Encoding, GivenBy, GrantType, OAuth2, RenewalPolicy,
    RequestMethod, Reuse, TokenResponse,
};
use crate::template::Root;

/// The standard's parameters that a service may call otherwise.
const PARAMETERS: [&str; 12] = [
    "response_type",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "code",
    "device_code",
    "grant_type",
    "refresh_token",
    "code_verifier",
    "token",
];
/// The standard's members that a service may call otherwise.
pub(super) const MEMBERS: [&str; 9] = [
    "access_token",
    "refresh_token",
    "expires_in",
    "expires_at",
    "refresh_token_expires_in",
    "refresh_token_expires_at",
    "scope",
    "token_type",
    "expires",
];

impl<'a> Check<'a, '_> {
    pub(super) fn oauth2(&mut self, oauth2: &'a At<OAuth2>) {
        let mut seen = HashSet::new();
        for grant in &oauth2.grant_types {
            if !seen.insert(format!("{:?}", **grant)) {
                self.problem(grant.span, "this grant type stands twice");
            }
        }
        if oauth2.grant_types.is_empty() {
            self.problem(oauth2.span, "`grant_types` lists at least one");
        }
        self.grant_type_names(oauth2);
        let has = |wanted| oauth2.grant_types.iter().any(|grant| **grant == wanted);
        match &oauth2.authorization_endpoint {
            None if has(GrantType::AuthorizationCode) => {
                self.problem(
                    oauth2.span,
                    "the key `authorization_endpoint` is missing for `authorization_code`",
                );
            }
            Some(endpoint) if !has(GrantType::AuthorizationCode) => {
                self.problem(
                    endpoint.span,
                    "nobody is sent there: `grant_types` has no `authorization_code`",
                );
            }
            _ => {}
        }
        match &oauth2.device_authorization_endpoint {
            None if has(GrantType::DeviceCode) => {
                self.problem(
                    oauth2.span,
                    "the key `device_authorization_endpoint` is missing for `device_code`",
                );
            }
            Some(endpoint) if !has(GrantType::DeviceCode) => {
                self.problem(endpoint.span, "no code is asked for there: `grant_types` has no `device_code`");
            }
            _ => {}
        }
        // A person is asked before anything is captured.
        let asked = [&oauth2.authorization_endpoint, &oauth2.device_authorization_endpoint];
        for endpoint in asked.into_iter().flatten() {
            self.url(endpoint, &[Root::Input]);
        }
        let endpoints =
            [&oauth2.refresh_endpoint, &oauth2.revocation_endpoint, &oauth2.introspection_endpoint];
        for endpoint in [&oauth2.token_endpoint].into_iter().chain(endpoints.into_iter().flatten()) {
            self.url(endpoint, &[Root::Input, Root::Capture]);
        }
        for endpoint in [&oauth2.token_endpoint].into_iter().chain(endpoints.into_iter().flatten()) {
            self.not_of_request(endpoint);
        }
        // Only what the callback brought is known when the code is exchanged; a device code has none.
        for (root, name) in oauth2.token_endpoint.expressions() {
            let comes =
                |source: &CaptureSource| *source == CaptureSource::Callback && !has(GrantType::DeviceCode);
            let known = self.format.captures.get(name).is_none_or(|capture| comes(&capture.from));
            if root == Root::Capture && !known {
                self.problem(
                    oauth2.token_endpoint.span,
                    format!("`{name}` is not known before the first token"),
                );
            }
        }
        if let Some(asks) = &oauth2.revocation {
            self.revocation(oauth2, asks);
        }
        self.params(&oauth2.authorization_params);
        self.params(&oauth2.token_params);
        self.renames(oauth2);
        self.callback_hmac(oauth2);
        self.state_keeps_its_name(oauth2);
        self.client(oauth2);
        for name in &oauth2.omitted_params {
            if !["redirect_uri", "scope"].contains(&name.as_str()) {
                self.problem(name.span, "only `redirect_uri` and `scope` can be left out");
            }
        }
        if oauth2.token_request_method == RequestMethod::Get
            && oauth2.token_request_encoding != Encoding::Query
        {
            self.problem(
                oauth2.span,
                "`token_request_method = \"GET\"` needs `token_request_encoding = \"query\"`",
            );
        }
        self.response(&oauth2.token_response);
        self.renewal(&oauth2.renewal);
        if let Some(injection) = &oauth2.injection {
            self.injection(injection, &["access_token"]);
        }
    }

    /// Words for grants that are asked for here, and that spend nothing that a word could turn to something else.
    fn grant_type_names(&mut self, oauth2: &'a OAuth2) {
        let nameable = [GrantType::ClientCredentials, GrantType::DeviceCode];
        for (name, word) in &oauth2.grant_type_names {
            match nameable.iter().find(|grant| grant.name() == name) {
                None => {
                    self.problem(
                        word.span,
                        format!("`{}` is no grant that a service calls otherwise", printable(name)),
                    )
                    .hint = Some("here may stand `client_credentials`, `device_code`".to_owned());
                }
                Some(grant) if !oauth2.grant_types.iter().any(|listed| **listed == *grant) => {
                    self.problem(
                        word.span,
                        format!("nobody asks for it: `grant_types` has no `{}`", grant.name()),
                    );
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn client(&mut self, oauth2: &'a At<OAuth2>) {
        let assertion = oauth2.client_assertion.as_ref();
        let of_key = |name: fn(&'a ClientAssertion) -> &'a Option<At<String>>| {
            assertion.map_or(&None, |assertion| name(assertion))
        };
        for (name, is_secret) in [
            (&oauth2.client_id_input, false),
            (&oauth2.client_secret_input, true),
            (of_key(|it| &it.private_key_input), true),
            (of_key(|it| &it.key_id_input), false),
        ] {
            let Some(name) = name else { continue };
            let Some(input) = self.declared_input(name, name.span) else { continue };
            if input.secret != is_secret || input.given_by != GivenBy::Tenant {
                let what = if is_secret { "a secret" } else { "no secret" };
                self.problem(
                    name.span,
                    format!("the input `{}` must be {what}, given by the tenant", **name),
                );
            }
        }
        if let (None, Some(secret)) = (&oauth2.client_id_input, &oauth2.client_secret_input) {
            self.problem(secret.span, "`client_secret_input` needs `client_id_input`");
        }
        if let Some(assertion) = assertion {
            self.client_assertion(oauth2, assertion);
        }
        let is_keyed = oauth2.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
        match &oauth2.client_id_input {
            Some(id) if is_keyed && of_key(|it| &it.private_key_input).is_none() => {
                self.problem(id.span, "a customer's own client needs `client_assertion.private_key_input`");
            }
            _ => {}
        }
    }

    fn client_assertion(&mut self, oauth2: &'a OAuth2, assertion: &'a At<ClientAssertion>) {
        if oauth2.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
            self.problem(
                assertion.span,
                "this counts with `token_endpoint_auth_method = \"private_key_jwt\"` only",
            );
        }
        if let Some(secret) = &oauth2.client_secret_input {
            self.problem(secret.span, "a client that proves itself with a key has no secret");
        }
        match (&assertion.private_key_input, &assertion.key_id_input) {
            (Some(key), _) if oauth2.client_id_input.is_none() => {
                self.problem(key.span, "`private_key_input` needs `client_id_input`");
            }
            (None, Some(key_id)) => {
                self.problem(key_id.span, "`key_id_input` needs `private_key_input`");
            }
            _ => {}
        }
        if let Some(audience) = &assertion.audience {
            self.template(audience, &[Root::Input]);
        }
        self.params(&assertion.claims);
        for name in ["iss", "sub", "aud", "iat", "exp", "jti"] {
            if let Some(claim) = assertion.claims.get(name) {
                self.problem(claim.span, format!("the claim `{name}` is set by the standard"));
            }
        }
        if let Some(lifetime) = &assertion.lifetime_s
            && !(1..=3600).contains(&**lifetime)
        {
            self.problem(lifetime.span, "a statement is good for 1 to 3600 seconds");
        }
    }

    pub(super) fn renames(&mut self, oauth2: &'a OAuth2) {
        let mut known = |name: &str, span: Span, all: &[&str]| {
            if !all.contains(&name) {
                let near = nearest(name, all.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let hint = near.unwrap_or_else(|| format!("the standard has: {}", all.join(", ")));
                self.problem(span, format!("`{}` is no name of the standard", printable(name))).hint =
                    Some(hint);
            }
        };
        for (name, to) in &oauth2.parameter_names {
            known(name, to.span, &PARAMETERS);
        }
    }

    pub(super) fn response(&mut self, response: &'a TokenResponse) {
        for (name, to) in &response.members {
            if !MEMBERS.contains(&name.as_str()) {
                let near = nearest(name, MEMBERS).map(|near| format!("did you mean `{near}`?"));
                self.problem(to.span, format!("`{}` is no member of the standard", printable(name))).hint =
                    near;
            }
        }
    }

    pub(super) fn renewal(&mut self, renewal: &'a RenewalPolicy) {
        let positive = [&renewal.default_lifetime_s, &renewal.idle_limit_s, &renewal.grace_s];
        for number in positive.into_iter().flatten() {
            if **number == 0 {
                self.problem(number.span, "this must be at least 1");
            }
        }
        let is_grace = renewal.reuse.as_deref() == Some(&Reuse::Grace);
        match (&renewal.grace_s, &renewal.reuse) {
            (None, Some(reuse)) if is_grace => {
                self.problem(reuse.span, "`reuse = \"grace\"` needs `grace_s`");
            }
            (Some(grace), _) if !is_grace => {
                self.problem(grace.span, "`grace_s` counts with `reuse = \"grace\"` only");
            }
            _ => {}
        }
    }
}
