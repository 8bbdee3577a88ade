//! The ways to hold a grant besides OAuth 2.

use super::Check;
use crate::at::At;
use crate::format::{ApiKey, Basic, Encoding, JwtBearer, SessionLogin, StatementIn};
use crate::template::Root;

impl<'a> Check<'a, '_> {
    pub(super) fn api_key(&mut self, key: &'a At<ApiKey>) {
        let names = self.flow_inputs(&key.inputs, key.span);
        self.injection(&key.injection, &names);
    }

    pub(super) fn basic(&mut self, basic: &'a At<Basic>) {
        let names = self.flow_inputs(&basic.inputs, basic.span);
        for template in [&basic.username, &basic.password] {
            self.credential(template, &names);
        }
        if basic.username.expressions().chain(basic.password.expressions()).next().is_none() {
            self.problem(basic.password.span, "a secret in clear: Basic is made of `{credential.…}`").hide();
        }
    }

    pub(super) fn session_login(&mut self, login: &'a At<SessionLogin>) {
        self.url(&login.login_endpoint, &[Root::Input]);
        self.params(&login.fixed_params);
        for input in login.params.values() {
            self.named_input(input, input.span);
        }
        if login.params.is_empty() {
            self.problem(login.span, "a login sends at least one input");
        }
        if login.encoding == Encoding::Query {
            self.problem(login.span, "a login's password does not stand in a URL");
        }
        if login.encoding == Encoding::Form {
            let names = login.params.iter().map(|(name, input)| (name, input.span));
            let fixed = login.fixed_params.iter().map(|(name, value)| (name, value.span));
            for (_, span) in names.chain(fixed).filter(|(name, _)| name.contains('.')) {
                self.problem(span, "dots lead into objects, and a form has none").hint =
                    Some("write `encoding = \"json\"`".to_owned());
            }
        }
        if let Some(cookie) = &login.cookie {
            self.cookie(cookie, login);
        }
        self.response(&login.response);
        self.renewal(&login.renewal);
        if let Some(injection) = &login.injection {
            self.injection(injection, &["access_token"]);
        }
    }

    /// RFC 6265, 4.1.1.
    fn cookie(&mut self, cookie: &'a At<String>, login: &'a SessionLogin) {
        let is_name = cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if cookie.is_empty() || !is_name {
            self.problem(cookie.span, "the name of a cookie has letters, digits, `-`, `_` and `.`");
        }
        if let Some(injection) = &login.injection {
            self.problem(injection.span, "a session that is a cookie is carried as one");
        }
        if let Some(member) = login.response.members.get("access_token") {
            self.problem(member.span, "the token is a cookie, and stands in no member");
        }
    }

    pub(super) fn jwt_bearer(&mut self, jwt: &'a At<JwtBearer>) {
        self.url(&jwt.token_endpoint, &[Root::Input]);
        if let Some(input) = self.declared_input(&jwt.private_key, jwt.private_key.span)
            && !input.secret
        {
            self.problem(jwt.private_key.span, "a private key is an input with `secret = true`");
        }
        self.params(&jwt.claims);
        for name in ["iat", "exp"] {
            if let Some(claim) = jwt.claims.get(name) {
                self.problem(claim.span, format!("the claim `{name}` is set by the flow"));
            }
        }
        if let Some(key_id) = &jwt.key_id {
            self.template(key_id, &[Root::Input]);
        }
        if let Some(lifetime) = &jwt.lifetime_s
            && !(1..=3600).contains(&**lifetime)
        {
            self.problem(lifetime.span, "a statement is good for 1 to 3600 seconds");
        }
        if let Some(backdate) = &jwt.backdate_s
            && **backdate >= jwt.lifetime_s.as_deref().copied().unwrap_or(300)
        {
            self.problem(backdate.span, "the statement would be over before it is sent");
        }
        if jwt.statement_in == StatementIn::Authorization && !jwt.scopes.is_empty() && !jwt.scope_claim {
            self.problem(jwt.scopes[0].span, "no parameter is sent that could hold scopes");
        }
        self.response(&jwt.token_response);
        self.renewal(&jwt.renewal);
        if let Some(injection) = &jwt.injection {
            self.injection(injection, &["access_token"]);
        }
    }
}
