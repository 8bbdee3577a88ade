//! How a revocation is asked for.

use trunkline_core::{nearest, printable};

use super::Check;
use crate::at::At;
use crate::format::{AuthMethod, Encoding, OAuth2, Revocation};

/// The standard's parameters of a revocation.
const PARAMETERS: [&str; 3] = ["token", "client_id", "client_secret"];

impl<'a> Check<'a, '_> {
    pub(super) fn revocation(&mut self, oauth2: &'a OAuth2, asks: &'a At<Revocation>) {
        if oauth2.revocation_endpoint.is_none() {
            self.problem(asks.span, "nothing is revoked: the key `revocation_endpoint` is missing");
        }
        let ways = [asks.auth_method.is_some(), asks.secret_scheme.is_some(), asks.bearer];
        if ways.into_iter().filter(|is| *is).count() > 1 {
            self.problem(asks.span, "`auth_method`, `secret_scheme` and `bearer` exclude each other");
        }
        let has_secret = |method: AuthMethod| !matches!(method, AuthMethod::None | AuthMethod::PrivateKeyJwt);
        let client = oauth2.token_endpoint_auth_method;
        match (&asks.auth_method, &asks.secret_scheme) {
            (Some(method), _) if !has_secret(**method) || !has_secret(client) => {
                self.problem(method.span, "only ways to show a client secret can take each other's place")
                    .hint = Some(
                    "these are: client_secret_basic, client_secret_basic_raw, client_secret_post".to_owned(),
                );
            }
            (None, Some(scheme)) if !has_secret(client) => {
                self.problem(scheme.span, "the client has no secret");
            }
            _ => {}
        }
        if let (true, Some(token)) = (asks.bearer, &asks.token) {
            self.problem(token.span, "a bearer is the access token");
        }
        if asks.encoding == Encoding::Query {
            self.problem(asks.span, "a token that is revoked does not stand in a URL");
        }
        for (name, to) in &asks.parameter_names {
            if !PARAMETERS.contains(&name.as_str()) {
                let near = nearest(name, PARAMETERS).map(|near| format!("did you mean `{near}`?"));
                let hint = near.unwrap_or_else(|| format!("a revocation has: {}", PARAMETERS.join(", ")));
                self.problem(to.span, format!("`{}` is no parameter of a revocation", printable(name)))
                    .hint = Some(hint);
            }
        }
        self.params(&asks.params);
    }
}
