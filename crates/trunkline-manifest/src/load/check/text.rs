//! Texts with expressions: every name in them is declared, and no URL leads elsewhere.

use trunkline_core::{nearest, printable};

use super::Check;
use crate::at::{At, Span};
use crate::format::{GivenBy, Input, Templates};
use crate::load::secrets;
use crate::load::url::{self, Shape};
use crate::template::{Root, Template};

impl<'a> Check<'a, '_> {
    /// Texts that are sent along: public, with inputs that are no secrets.
    pub(super) fn params(&mut self, params: &'a Templates) {
        for (name, value) in params {
            self.template_or_less(value, &[Root::Input]);
            if secrets::names_secret(name) || value.literal().is_some_and(secrets::is_secret) {
                self.problem(value.span, format!("a secret in clear: `{}`", printable(name))).hide().hint =
                    Some(
                        "a secret is a setting of the connector, or an input with `secret = true`".to_owned(),
                    );
            }
        }
    }

    /// An input that is there, at every renewal too.
    pub(super) fn declared_input(&mut self, name: &'a str, span: Span) -> Option<&'a Input> {
        let input = self.stored_input(name, span)?;
        if input.optional && input.default.is_none() {
            self.problem(
                span,
                format!("the input `{}` may be left out, and is needed here", printable(name)),
            )
            .hint = Some("give it a `default`, or leave `optional` out".to_owned());
        }
        Some(input)
    }

    /// An input that is there at every renewal too, if it was given.
    pub(super) fn stored_input(&mut self, name: &'a str, span: Span) -> Option<&'a Input> {
        let input = self.named_input(name, span)?;
        if input.given_by == GivenBy::Once {
            self.problem(
                span,
                format!("the input `{}` is not stored, and is needed here", printable(name)),
            )
            .hint =
                Some("an input with `given_by = \"once\"` stands in `session_login.params` only".to_owned());
        }
        Some(input)
    }

    /// An input that somebody declared.
    pub(super) fn named_input(&mut self, name: &'a str, span: Span) -> Option<&'a Input> {
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
    pub(in crate::load) fn template(&mut self, template: &'a At<Template>, roots: &[Root]) {
        self.names(template, roots, Self::declared_input);
    }

    /// The same for a text that is left out where an optional input in it is not given.
    pub(super) fn template_or_less(&mut self, template: &'a At<Template>, roots: &[Root]) {
        self.names(template, roots, Self::stored_input);
    }

    fn names(
        &mut self,
        template: &'a At<Template>,
        roots: &[Root],
        input: fn(&mut Self, &'a str, Span) -> Option<&'a Input>,
    ) {
        for (root, name) in template.expressions() {
            if !roots.contains(&root) {
                let names: Vec<_> = roots.iter().map(|root| format!("`{}`", root.name())).collect();
                self.problem(template.span, format!("`{}` cannot stand here", root.name())).hint =
                    Some(format!("here may stand {}", names.join(", ")));
                continue;
            }
            match root {
                Root::Input => {
                    if input(self, name, template.span).is_some_and(|input| input.secret) {
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
    pub(in crate::load) fn url(&mut self, template: &'a At<Template>, roots: &[Root]) {
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
            Ok(Shape::OfInput(input)) => {
                if !self.format.allowed_hosts.iter().any(|allowed| allowed.input() == Some(&input)) {
                    self.problem(
                        template.span,
                        format!("the host `{{input.{input}}}` is not among the allowed hosts"),
                    )
                    .hint = Some("add it to `allowed_hosts`, as it stands here".to_owned());
                }
            }
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
}
