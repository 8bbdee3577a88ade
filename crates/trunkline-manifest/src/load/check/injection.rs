//! What requests carry: credentials only, in headers that a manifest may set.

use trunkline_core::{nearest, printable};

use super::Check;
use crate::at::{At, Span};
use crate::format::Injection;
use crate::template::{Root, Template};

impl<'a> Check<'a, '_> {
    pub(super) fn flow_inputs(&mut self, inputs: &'a [At<String>], span: Span) -> Vec<&'a str> {
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

    pub(super) fn injection(&mut self, injection: &'a At<Injection>, names: &[&str]) {
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

    pub(super) fn credential(&mut self, template: &'a At<Template>, names: &[&str]) {
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

    pub(super) fn header(&mut self, name: &str, span: Span) {
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
        } else if FORBIDDEN.contains(&lower.as_str()) {
            self.problem(span, format!("a manifest does not set the header `{lower}`"));
        }
    }
}
