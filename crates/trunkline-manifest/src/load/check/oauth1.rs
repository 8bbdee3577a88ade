//! OAuth 1.0a: endpoints, what signs, the realm.

use trunkline_core::{Verdict, printable};

use super::Check;
use crate::at::{At, Span};
use crate::format::{Capture, CaptureSource, GivenBy, OAuth1, OAuth1Token, RealmCase};
use crate::template::{Root, Template};

/// What every parameter of the protocol begins with (RFC 5849, 3.1).
const OWN: &str = "oauth_";

impl<'a> Check<'a, '_> {
    pub(super) fn oauth1(&mut self, oauth1: &'a At<OAuth1>) {
        self.oauth1_alone(oauth1.span);
        // Nothing is captured before the token came.
        for endpoint in
            [&oauth1.temporary_credential_endpoint, &oauth1.authorization_endpoint, &oauth1.token_endpoint]
        {
            self.url(endpoint, &[Root::Input]);
        }
        self.params(&oauth1.authorization_params);
        for (name, value) in &oauth1.authorization_params {
            if name.starts_with(OWN) {
                self.problem(value.span, format!("the parameter `{}` is the protocol's", printable(name)));
            }
        }
        self.realm(oauth1.realm.as_ref(), oauth1.realm_case, oauth1.span);
    }

    pub(super) fn oauth1_token(&mut self, oauth1: &'a At<OAuth1Token>) {
        self.oauth1_alone(oauth1.span);
        for name in [&oauth1.token_input, &oauth1.token_secret_input] {
            if let Some(input) = self.declared_input(name, name.span)
                && !input.secret
            {
                self.problem(name.span, "a token and its secret are inputs with `secret = true`");
            }
        }
        if *oauth1.token_input == *oauth1.token_secret_input {
            self.problem(oauth1.token_secret_input.span, "the token and its secret are two inputs");
        }
        self.own_consumer(oauth1);
        self.realm(oauth1.realm.as_ref(), oauth1.realm_case, oauth1.span);
        // A token that is given came in no answer.
        for capture in self.format.captures.values().filter(|it| *it.from != CaptureSource::Request) {
            self.problem(capture.span, "with [oauth1_token] there is no answer that holds it").hint =
                Some("a request after consent brings captures there: [after_consent]".to_owned());
        }
    }

    fn own_consumer(&mut self, oauth1: &'a OAuth1Token) {
        for (name, is_secret) in [(&oauth1.client_id_input, false), (&oauth1.client_secret_input, true)] {
            let Some(name) = name else { continue };
            let Some(input) = self.declared_input(name, name.span) else { continue };
            if input.secret != is_secret || input.given_by != GivenBy::Tenant {
                let what = if is_secret { "a secret" } else { "no secret" };
                let message = format!("the input `{}` must be {what}, given by the tenant", **name);
                self.problem(name.span, message);
            }
        }
        match (&oauth1.client_id_input, &oauth1.client_secret_input) {
            (Some(id), None) => {
                self.problem(id.span, "`client_id_input` needs `client_secret_input`: both sign");
            }
            (None, Some(secret)) => {
                self.problem(secret.span, "`client_secret_input` needs `client_id_input`");
            }
            _ => {}
        }
    }

    fn realm(&mut self, realm: Option<&'a At<Template>>, case: RealmCase, section: Span) {
        let Some(realm) = realm else {
            if case != RealmCase::AsGiven {
                self.problem(section, "`realm_case` says how a `realm` is written, and there is none");
            }
            return;
        };
        self.template(realm, &[Root::Input]);
        let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        for (_, name) in realm.expressions().filter(|(root, _)| *root == Root::Input) {
            let Some(input) = self.format.inputs.get(name) else { continue };
            let fits = match (&input.pattern, &input.one_of) {
                (Some(pattern), _) => pattern.holds_only(is_plain) && !pattern.matches_nothing(),
                (None, Some(values)) => values.iter().all(|value| value.bytes().all(is_plain)),
                (None, None) => false,
            };
            if !fits {
                let message = format!(
                    "the input `{name}` stands in a header: it needs a `pattern` or `one_of` of visible characters \
                     without quotation marks"
                );
                self.problem(realm.span, message);
            }
        }
    }

    /// A 401 means another thing where tokens are renewed, and a matcher does not know whose it is.
    fn oauth1_alone(&mut self, span: Span) {
        if self.format.methods().iter().any(|method| !method.signs()) {
            self.problem(span, "OAuth 1.0a stands beside no other way to hold a grant").hint = Some(
                "write a manifest of its own: a refusal means another thing where tokens are renewed"
                    .to_owned(),
            );
        }
    }

    /// What a refusal of OAuth 1.0a cannot mean.
    pub(super) fn oauth1_errors(&mut self) {
        for matcher in self.format.errors.iter().filter(|_| self.format.is_oauth1()) {
            if matcher.cause.verdict() == Verdict::RenewAccessToken {
                self.problem(matcher.cause.span, "nothing renews a token of OAuth 1.0a").hint = Some(
                    "`grant_revoked` and `grant_expired` end the grant; `request_invalid` does not"
                        .to_owned(),
                );
            }
        }
    }

    /// Why a capture of an answer of OAuth 1.0a is none.
    pub(super) fn oauth1_capture(&mut self, member: &str, capture: &'a At<Capture>) {
        if member.starts_with(OWN) {
            self.problem(
                capture.span,
                format!("`{}` is the protocol's, and captures are none of it", printable(member)),
            );
        }
        if *capture.from == CaptureSource::IdToken {
            self.problem(capture.span, "OAuth 1.0a has no id token");
        }
    }
}
