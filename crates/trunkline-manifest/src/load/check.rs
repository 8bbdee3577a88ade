//! What must hold beyond the shape: everything that is named is declared, everything declared is used, nothing leads
//! elsewhere, nothing is a secret.

use std::collections::HashSet;

use trunkline_core::jiff::civil::Date;
use trunkline_core::permission::Operation;
use trunkline_core::url::Url;
use trunkline_core::{ErrorKind, is_secure, nearest, printable};

use super::secrets;
use super::sources::Sources;
use super::url::{self, Shape};
use crate::at::{At, Span};
use crate::format::GrantType;
use crate::format::{
    Capture, CaptureSource, Encoding, Format, GivenBy, Injection, Input, OAuth2, PageStyle, RenewalPolicy,
    RequestMethod, Reuse, Templates, TokenResponse, VERSION,
};
use crate::permission::RequestShape;
use crate::problem::Problem;
use crate::template::{Root, Template};

/// The standard's parameters that a service may call otherwise.
const PARAMETERS: [&str; 11] = [
    "response_type",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "code",
    "grant_type",
    "refresh_token",
    "code_verifier",
    "token",
];
/// The standard's members that a service may call otherwise.
const MEMBERS: [&str; 9] = [
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

/// Everything that is wrong with a manifest whose shape is right.
pub(super) fn check(format: &Format, sources: &Sources<'_>) -> Vec<Problem> {
    let mut check =
        Check { format, sources, problems: Vec::new(), inputs: HashSet::new(), captures: HashSet::new() };
    check.whole();
    // What is declared right but used wrong would make these say the same again.
    if check.problems.is_empty() {
        check.trial();
    }
    check.problems
}

pub(super) struct Check<'a, 's> {
    pub(super) format: &'a Format,
    sources: &'a Sources<'s>,
    problems: Vec<Problem>,
    inputs: HashSet<&'a str>,
    captures: HashSet<&'a str>,
}

impl<'a> Check<'a, '_> {
    pub(super) fn problem(&mut self, span: Span, message: impl Into<String>) -> &mut Problem {
        self.problems.push(self.sources.problem(span, message));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    fn whole(&mut self) {
        let format = self.format;
        self.head();
        format.inputs.iter().for_each(|(name, input)| self.input(name, input));
        format.captures.iter().for_each(|(name, capture)| self.capture(name, capture));
        self.methods();
        if let Some(oauth2) = &format.oauth2 {
            self.oauth2(oauth2);
        }
        self.other_flows();
        self.api();
        self.identity();
        self.errors();
        self.pagination();
        self.permissions();
        self.unused();
    }

    fn head(&mut self) {
        let format = self.format;
        if *format.manifest != VERSION {
            self.problem(format.manifest.span, format!("this version reads `manifest = {VERSION}`"));
        }
        self.name("a provider's name", &format.name, format.name.span);
        if format.title.trim().is_empty() {
            self.problem(format.title.span, "the title is empty");
        }
        self.page(&format.docs);
        format.source.urls.iter().for_each(|url| self.page(url));
        if format.source.urls.is_empty() {
            self.problem(format.source.checked.span, "a manifest names the pages that it was written from");
        }
        if format.source.checked.parse::<Date>().is_err() {
            self.problem(format.source.checked.span, "this must be a day, such as 2026-11-25");
        }
        if format.allowed_hosts.is_empty() {
            self.problem(format.name.span, "a manifest without `allowed_hosts` can send nothing");
        }
    }

    fn name(&mut self, what: &str, name: &str, span: Span) {
        let is_name = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name {
            self.problem(span, format!("{what} has lower-case letters, digits and `_`, at most 64"));
        }
    }

    fn page(&mut self, url: &At<String>) {
        if !Url::parse(url).is_ok_and(|url| url.scheme() == "https") {
            self.problem(url.span, "this must be an https address");
        }
    }

    fn input(&mut self, name: &'a str, input: &'a At<Input>) {
        self.name("an input's name", name, input.span);
        if input.title.trim().is_empty() {
            self.problem(input.title.span, "the title is empty");
        }
        match (&input.pattern, &input.one_of) {
            (Some(_), Some(values)) => {
                self.problem(values.span, "an input has a `pattern` or `one_of`, not both");
            }
            (_, Some(values)) if values.is_empty() => {
                self.problem(values.span, "`one_of` lists at least one value");
            }
            _ if !crate::values::accepts(input, &input.example) => {
                self.problem(input.example.span, "the example is no good value of this input");
            }
            _ => {}
        }
        if secrets::is_secret(&input.example) {
            self.problem(input.example.span, "the example looks like a secret; make one up").hide();
        }
    }

    fn capture(&mut self, name: &'a str, capture: &'a At<Capture>) {
        self.name("a capture's name", name, capture.span);
        let ways = [capture.pattern.is_some(), capture.one_of.is_some(), capture.hosts.is_some()]
            .iter()
            .filter(|is| **is)
            .count();
        if ways != 1 {
            self.problem(
                capture.span,
                format!("the capture `{name}` needs one of `pattern`, `one_of` and `hosts`"),
            );
        }
        for host in capture.hosts.iter().flat_map(|hosts| hosts.iter()) {
            if !self.format.allowed_hosts.iter().any(|allowed| allowed.includes(host)) {
                self.problem(host.span, format!("`{}` is not among the allowed hosts", **host)).hint =
                    Some("add it to `allowed_hosts`".to_owned());
            }
        }
        let member = capture.member.as_ref().map_or(name, |member| member);
        if secrets::names_secret(member) || MEMBERS[..2].contains(&member) || member == "id_token" {
            self.problem(capture.span, format!("`{member}` is a secret, and captures are none"));
        }
        if self.format.oauth2.is_none() {
            self.problem(capture.span, "there is no `oauth2`, whose answers hold captures");
        }
    }

    fn methods(&mut self) {
        let methods = self.format.methods();
        if methods.is_empty() {
            self.problem(self.format.name.span, "a manifest has at least one way to hold a grant").hint =
                Some("write [oauth2], [api_key], [basic], [session_login] or [jwt_bearer]".to_owned());
        }
        if let Some(default) = &self.format.default_method
            && !methods.contains(default)
        {
            self.problem(default.span, format!("the manifest has no method `{}`", default.name()));
        }
    }

    fn oauth2(&mut self, oauth2: &'a At<OAuth2>) {
        let mut seen = HashSet::new();
        for grant in &oauth2.grant_types {
            if !seen.insert(format!("{:?}", **grant)) {
                self.problem(grant.span, "this grant type stands twice");
            }
        }
        if oauth2.grant_types.is_empty() {
            self.problem(oauth2.span, "`grant_types` lists at least one");
        }
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
        // A person is sent to the authorization endpoint before anything is captured.
        if let Some(endpoint) = &oauth2.authorization_endpoint {
            self.url(endpoint, &[Root::Input]);
        }
        let endpoints =
            [&oauth2.refresh_endpoint, &oauth2.revocation_endpoint, &oauth2.introspection_endpoint];
        for endpoint in [&oauth2.token_endpoint].into_iter().chain(endpoints.into_iter().flatten()) {
            self.url(endpoint, &[Root::Input, Root::Capture]);
        }
        // Only what the callback brought is known when the code is exchanged.
        for (root, name) in oauth2.token_endpoint.expressions() {
            let known =
                self.format.captures.get(name).is_none_or(|capture| *capture.from == CaptureSource::Callback);
            if root == Root::Capture && !known {
                self.problem(
                    oauth2.token_endpoint.span,
                    format!("`{name}` is not known before the first token"),
                );
            }
        }
        self.params(&oauth2.authorization_params);
        self.params(&oauth2.token_params);
        self.renames(oauth2);
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

    fn client(&mut self, oauth2: &'a At<OAuth2>) {
        for (name, is_secret) in [(&oauth2.client_id_input, false), (&oauth2.client_secret_input, true)] {
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
    }

    fn renames(&mut self, oauth2: &'a OAuth2) {
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

    fn response(&mut self, response: &'a TokenResponse) {
        for (name, to) in &response.members {
            if !MEMBERS.contains(&name.as_str()) {
                let near = nearest(name, MEMBERS).map(|near| format!("did you mean `{near}`?"));
                self.problem(to.span, format!("`{}` is no member of the standard", printable(name))).hint =
                    near;
            }
        }
    }

    fn renewal(&mut self, renewal: &'a RenewalPolicy) {
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

    fn other_flows(&mut self) {
        if let Some(key) = &self.format.api_key {
            let names = self.flow_inputs(&key.inputs, key.span);
            self.injection(&key.injection, &names);
        }
        if let Some(basic) = &self.format.basic {
            let names = self.flow_inputs(&basic.inputs, basic.span);
            for template in [&basic.username, &basic.password] {
                self.credential(template, &names);
            }
            if basic.username.expressions().chain(basic.password.expressions()).next().is_none() {
                self.problem(basic.password.span, "a secret in clear: Basic is made of `{credential.…}`")
                    .hide();
            }
        }
        if let Some(login) = &self.format.session_login {
            self.url(&login.login_endpoint, &[Root::Input]);
            self.params(&login.fixed_params);
            for input in login.params.values() {
                self.declared_input(input, input.span);
            }
            if login.params.is_empty() {
                self.problem(login.span, "a login sends at least one input");
            }
            if login.encoding == Encoding::Query {
                self.problem(login.span, "a login's password does not stand in a URL");
            }
            self.response(&login.response);
            self.renewal(&login.renewal);
            if let Some(injection) = &login.injection {
                self.injection(injection, &["access_token"]);
            }
        }
        if let Some(jwt) = &self.format.jwt_bearer {
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
            self.response(&jwt.token_response);
            self.renewal(&jwt.renewal);
            if let Some(injection) = &jwt.injection {
                self.injection(injection, &["access_token"]);
            }
        }
    }

    fn flow_inputs(&mut self, inputs: &'a [At<String>], span: Span) -> Vec<&'a str> {
        if inputs.is_empty() {
            self.problem(span, "the credential is made of at least one input");
        }
        let mut has_secret = false;
        for name in inputs {
            has_secret |= self.declared_input(name, name.span).is_some_and(|input| input.secret);
        }
        if !has_secret && !inputs.is_empty() {
            self.problem(span, "one of the inputs must be a secret");
        }
        inputs.iter().map(|name| name.as_str()).collect()
    }

    fn injection(&mut self, injection: &'a At<Injection>, names: &[&str]) {
        let all =
            injection.headers.iter().map(|it| (true, it)).chain(injection.query.iter().map(|it| (false, it)));
        for (is_header, (name, template)) in all {
            self.credential(template, names);
            if template.expressions().next().is_none() {
                self.problem(
                    template.span,
                    "what requests carry has a `{credential.…}`; anything else is a secret in clear",
                )
                .hide()
                .hint = Some("a header that is always the same stands in [api.headers]".to_owned());
            }
            if is_header {
                self.header(name, template.span);
            }
        }
        if let Some(pair) = &injection.basic {
            self.credential(&pair.username, names);
            self.credential(&pair.password, names);
            if pair.username.expressions().chain(pair.password.expressions()).next().is_none() {
                self.problem(pair.password.span, "a secret in clear: Basic is made of `{credential.…}`")
                    .hide();
            }
            if injection.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
                self.problem(pair.username.span, "`Authorization` would be set twice");
            }
        }
        if injection.headers.is_empty() && injection.query.is_empty() && injection.basic.is_none() {
            self.problem(injection.span, "requests would carry nothing");
        }
    }

    fn credential(&mut self, template: &'a At<Template>, names: &[&str]) {
        self.template(template, &[Root::Credential]);
        for (root, name) in template.expressions() {
            if root == Root::Credential && !names.contains(&name) {
                let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
                let hint = near.unwrap_or_else(|| format!("here are: {}", names.join(", ")));
                self.problem(template.span, format!("this way to hold a grant has no credential `{name}`"))
                    .hint = Some(hint);
            }
        }
    }

    fn header(&mut self, name: &str, span: Span) {
        // Headers that HTTP itself sets, or that would let a request be read in two ways.
        const FORBIDDEN: [&str; 8] = [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "cookie",
            "te",
            "upgrade",
            "proxy-authorization",
        ];
        let lower = name.to_ascii_lowercase();
        if trunkline_core::http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            self.problem(span, format!("`{}` is no name of a header", printable(name)));
        } else if FORBIDDEN.contains(&lower.as_str()) || lower.starts_with(crate::injection::PRIVATE) {
            self.problem(span, format!("a manifest does not set the header `{lower}`"));
        }
    }

    fn api(&mut self) {
        let api = &self.format.api;
        let roots = [Root::Input, Root::Capture];
        self.url(&api.base_url, &roots);
        if api.base_url.to_string().contains('?') {
            self.problem(api.base_url.span, "a base URL has no query");
        }
        api.further_urls.iter().for_each(|url| self.url(url, &roots));
        for (name, value) in &api.headers {
            self.header(name, value.span);
            self.template(value, &[Root::Input]);
            for (_, input) in value.expressions() {
                if self.format.inputs.get(input).is_some_and(|input| input.given_by == GivenBy::Tenant) {
                    self.problem(
                        value.span,
                        "a header that is always the same takes inputs of the operator only",
                    );
                }
            }
            if secrets::names_secret(name) || value.literal().is_some_and(secrets::is_secret) {
                self.problem(value.span, format!("a secret in clear: `{}`", printable(name))).hide().hint =
                    Some(
                        "what requests carry of a credential stands in the injection of its method"
                            .to_owned(),
                    );
            }
        }
        match (&api.entity_header, &api.entity) {
            (Some(header), _) => self.header(header, header.span),
            (None, Some(entity)) => {
                self.problem(entity.span, "`entity` needs `entity_header`");
            }
            (None, None) => {}
        }
        if let Some(entity) = &api.entity {
            self.template(entity, &roots);
        }
    }

    fn identity(&mut self) {
        let roots = [Root::Input, Root::Capture];
        if let Some(identity) = &self.format.identity {
            if let Some(url) = &identity.url {
                self.url(url, &roots);
            }
            let asks = identity.url.is_some() || identity.introspection;
            if identity.url.is_some() && identity.introspection {
                self.problem(
                    identity.span,
                    "the identity is asked for at a `url` or by `introspection`, not both",
                );
            }
            let endpoint =
                self.format.oauth2.as_ref().and_then(|oauth2| oauth2.introspection_endpoint.as_ref());
            if identity.introspection && endpoint.is_none() {
                self.problem(identity.span, "`introspection` needs `introspection_endpoint` in [oauth2]");
            }
            if let Some(endpoint) = endpoint.filter(|_| !identity.introspection) {
                self.problem(
                    endpoint.span,
                    "nothing is introspected: [identity] has no `introspection = true`",
                );
            }
            let texts = [&identity.company, &identity.user];
            for text in texts.into_iter().flatten().chain(identity.details.values()) {
                self.template(text, &[Root::Response, Root::Capture, Root::Input]);
                if !asks && text.expressions().any(|(root, _)| root == Root::Response) {
                    self.problem(text.span, "there is no response: [identity] has no `url`");
                }
            }
            if identity.company.is_none() && identity.user.is_none() {
                self.problem(identity.span, "an identity is a `company` or a `user`");
            }
            self.body(identity.body.as_ref());
        } else if let Some(endpoint) =
            self.format.oauth2.as_ref().and_then(|it| it.introspection_endpoint.as_ref())
        {
            self.problem(endpoint.span, "nothing is introspected: [identity] has no `introspection = true`");
        }
        if let Some(probe) = &self.format.probe {
            self.url(&probe.url, &roots);
            self.body(probe.body.as_ref());
        }
    }

    fn body(&mut self, body: Option<&'a At<String>>) {
        if let Some(body) = body
            && serde_json::from_str::<serde_json::Value>(body).is_err()
        {
            self.problem(body.span, "a body must be JSON");
        }
    }

    fn errors(&mut self) {
        for matcher in &self.format.errors {
            if matcher.status.is_empty() && matcher.codes.is_empty() && matcher.message.is_none() {
                self.problem(
                    matcher.span,
                    "a matcher has `status`, `codes` or `message`; this one would match everything",
                );
            }
            let empty = |text: &String| text.trim().is_empty();
            if matcher.codes.iter().any(empty) || matcher.message.as_ref().is_some_and(empty) {
                self.problem(matcher.span, "an empty text would be found in every answer");
            }
            if matcher.status.iter().any(|status| !(100..600).contains(status)) {
                self.problem(matcher.span, "a status is a number from 100 to 599");
            }
        }
        if let Some(limit) = &self.format.rate_limit {
            let headers = [&limit.remaining_header, &limit.reset_header];
            headers.into_iter().flatten().for_each(|header| self.header(header, header.span));
        }
    }

    fn pagination(&mut self) {
        let Some(pagination) = &self.format.pagination else { return };
        let problem = match (pagination.style, &pagination.member, &pagination.param) {
            (PageStyle::Link, _, Some(_)) => "a link needs no `param`",
            (PageStyle::Cursor, None, _) => "a cursor stands in a `member`",
            (PageStyle::Cursor | PageStyle::Offset, _, None) => "the next request needs a `param`",
            _ => return,
        };
        self.problem(pagination.span, problem);
    }

    fn permissions(&mut self) {
        let Some(permissions) = &self.format.permissions else { return };
        if self.format.oauth2.is_none() {
            self.problem(permissions.span, "permissions are scopes, and without [oauth2] there are none");
        }
        for (name, need) in &permissions.operations {
            if name.parse::<Operation>().is_err() {
                self.problem(need.span, format!("`{}` is no operation", printable(name))).hint =
                    Some("write action:object, such as create:contact".to_owned());
            }
            if need.scopes.iter().any(|scope| scope.trim().is_empty()) {
                self.problem(need.span, "a scope is not empty");
            }
            for request in &need.requests {
                if RequestShape::parse(request).is_none() {
                    self.problem(request.span, "this must be a method and a path, such as GET /contacts/*");
                }
            }
        }
    }

    fn unused(&mut self) {
        for (name, input) in &self.format.inputs {
            if !self.inputs.contains(name.as_str()) {
                self.problem(input.span, format!("the input `{name}` is never used"));
            }
        }
        for (name, capture) in &self.format.captures {
            if !self.captures.contains(name.as_str()) {
                self.problem(capture.span, format!("the capture `{name}` is never used"));
            }
        }
    }

    /// Texts that are sent along: public, with inputs that are no secrets.
    fn params(&mut self, params: &'a Templates) {
        for (name, value) in params {
            self.template(value, &[Root::Input]);
            if secrets::names_secret(name) || value.literal().is_some_and(secrets::is_secret) {
                self.problem(value.span, format!("a secret in clear: `{}`", printable(name))).hide().hint =
                    Some(
                        "a secret is a setting of the connector, or an input with `secret = true`".to_owned(),
                    );
            }
        }
    }

    fn declared_input(&mut self, name: &'a str, span: Span) -> Option<&'a Input> {
        if let Some((name, input)) = self.format.inputs.get_key_value(name) {
            self.inputs.insert(name);
            return Some(input);
        }
        let near = nearest(name, self.format.inputs.keys().map(String::as_str));
        let hint = near.map_or_else(
            || format!("declare it: [inputs.{}]", printable(name)),
            |near| format!("did you mean `{near}`?"),
        );
        self.problem(span, format!("there is no input `{}`", printable(name))).hint = Some(hint);
        None
    }

    /// Checks the names in a text, and marks them as used.
    pub(super) fn template(&mut self, template: &'a At<Template>, roots: &[Root]) {
        for (root, name) in template.expressions() {
            if !roots.contains(&root) {
                let names: Vec<_> = roots.iter().map(|root| format!("`{}`", root.name())).collect();
                self.problem(template.span, format!("`{}` cannot stand here", root.name())).hint =
                    Some(format!("here may stand {}", names.join(", ")));
                continue;
            }
            match root {
                Root::Input => {
                    if self.declared_input(name, template.span).is_some_and(|input| input.secret) {
                        self.problem(
                            template.span,
                            format!("the input `{name}` is a secret, and this text is not"),
                        );
                    }
                }
                Root::Capture => match self.format.captures.get_key_value(name) {
                    Some((name, _)) => {
                        self.captures.insert(name);
                    }
                    None => {
                        let near = nearest(name, self.format.captures.keys().map(String::as_str));
                        let hint = near.map_or_else(
                            || format!("declare it: [captures.{name}]"),
                            |near| format!("did you mean `{near}`?"),
                        );
                        self.problem(template.span, format!("there is no capture `{name}`")).hint =
                            Some(hint);
                    }
                },
                Root::Credential | Root::Response => {}
            }
        }
    }

    /// Checks a URL: where it can lead, whatever its values are.
    pub(super) fn url(&mut self, template: &'a At<Template>, roots: &[Root]) {
        let before = self.problems.len();
        self.template(template, roots);
        if self.problems.len() > before {
            return;
        }
        match url::shape(template, self.format) {
            Err(message) => {
                self.problem(template.span, message);
            }
            Ok(Shape::OfCapture) => {}
            Ok(Shape::Hosts(hosts)) => {
                for host in hosts {
                    if !self.format.allowed_hosts.iter().any(|allowed| host.is_covered_by(allowed)) {
                        self.problem(
                            template.span,
                            format!("the host `{host}` is not among the allowed hosts"),
                        )
                        .hint = Some("add it to `allowed_hosts`, or correct the URL".to_owned());
                    }
                }
            }
        }
    }

    /// Makes a connector of made-up settings: what the grants themselves refuse is a problem, too.
    fn trial(&mut self) {
        if let Err((span, error)) = crate::trial::run(self.format) {
            let kind = if error.kind() == ErrorKind::ConfigInvalid { "" } else { "cannot be used: " };
            self.problem(span, format!("{kind}{error}"));
        }
    }
}

/// Whether a URL is one that a secret may travel to.
pub(super) fn is_safe(url: &Url) -> bool {
    is_secure(url) && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}
