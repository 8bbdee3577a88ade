//! The API: where requests go, who we are, what its errors and pages mean, what its operations need.

use trunkline_core::permission::Operation;
use trunkline_core::{Verdict, printable};

use super::Check;
use crate::at::At;
use crate::format::{GivenBy, PageStyle};
use crate::load::secrets;
use crate::permission::RequestShape;
use crate::template::Root;

impl<'a> Check<'a, '_> {
    pub(super) fn api(&mut self) {
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
                if self.format.inputs.get(input).is_some_and(|input| input.given_by != GivenBy::Operator) {
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

    pub(super) fn identity(&mut self) {
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
                self.template_or_less(text, &[Root::Response, Root::Capture, Root::Input]);
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

    pub(super) fn body(&mut self, body: Option<&'a At<String>>) {
        if let Some(body) = body
            && serde_json::from_str::<serde_json::Value>(body).is_err()
        {
            self.problem(body.span, "a body must be JSON");
        }
    }

    fn error_code_members(&mut self) {
        let members = &self.format.api.error_code_members;
        for member in members {
            if member.split('.').any(str::is_empty) {
                self.problem(member.span, "this must be a member, or a path of members with dots");
            }
        }
        if let Some(first) = members.first()
            && self.format.errors.iter().all(|matcher| matcher.codes.is_empty())
        {
            self.problem(first.span, "nothing is done with these codes: no [[errors]] has `codes`");
        }
    }

    pub(super) fn errors(&mut self) {
        self.error_code_members();
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
            if let Some(pause) = &matcher.retry_after_s {
                if !(1..=86_400).contains(&**pause) {
                    self.problem(pause.span, "a pause is 1 to 86400 seconds");
                }
                if matcher.cause.verdict() != Verdict::Transient {
                    self.problem(pause.span, "only what passes by itself is tried again after a pause");
                }
            }
        }
        if let Some(limit) = &self.format.rate_limit {
            let headers = [&limit.remaining_header, &limit.reset_header];
            headers.into_iter().flatten().for_each(|header| self.header(header, header.span));
        }
    }

    pub(super) fn pagination(&mut self) {
        let Some(pagination) = &self.format.pagination else { return };
        let problem = match (pagination.style, &pagination.member, &pagination.param) {
            (PageStyle::Link, _, Some(_)) => "a link needs no `param`",
            (PageStyle::Cursor, None, _) => "a cursor stands in a `member`",
            (PageStyle::Cursor | PageStyle::Offset, _, None) => "the next request needs a `param`",
            _ => return,
        };
        self.problem(pagination.span, problem);
    }

    pub(super) fn permissions(&mut self) {
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
}
