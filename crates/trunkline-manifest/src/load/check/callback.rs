//! What comes back with the person.

use super::Check;
use crate::format::{AuthMethod, GrantType, OAuth2};

impl<'a> Check<'a, '_> {
    /// A pending consent is found by the state that comes back.
    pub(super) fn state_keeps_its_name(&mut self, oauth2: &'a OAuth2) {
        if let Some(state) = oauth2.parameter_names.get("state") {
            self.problem(state.span, "the state has no other name: what comes back is found by it");
        }
    }

    /// A signature of the callback can be checked, by a secret that is there.
    pub(super) fn callback_hmac(&mut self, oauth2: &'a OAuth2) {
        let Some(parameter) = &oauth2.callback_hmac else { return };
        if !oauth2.grant_types.iter().any(|grant| **grant == GrantType::AuthorizationCode) {
            self.problem(
                parameter.span,
                "nothing comes back with a person: `grant_types` has no `authorization_code`",
            );
        }
        if matches!(oauth2.token_endpoint_auth_method, AuthMethod::None | AuthMethod::PrivateKeyJwt) {
            self.problem(
                parameter.span,
                "a callback is signed with the client secret, and this client has none",
            );
        }
        if let Some(input) = &oauth2.client_id_input {
            self.problem(input.span, "a callback is signed with the secret of the settings' own client")
                .hint = Some("a customer's client and `callback_hmac` do not go together".to_owned());
        }
        if let Some(code) = &oauth2.callback_code {
            self.problem(code.span, "where the callback is signed, its code is called `code`");
        }
        if ["", "code", "state", "error", "iss"].contains(&parameter.trim()) {
            self.problem(parameter.span, "this must be the parameter that holds the signature");
        }
    }
}
