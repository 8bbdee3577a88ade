//! Texts with expressions: every name in them is declared, and no URL leads elsewhere.

use trunkline_core::{nearest, printable};

use super::Check;
use crate::at::{At, Span};
use crate::format::{Input, Templates};
use crate::load::secrets;
use crate::load::url::{self, Shape};
use crate::template::{Root, Template};

impl<'a> Check<'a, '_> {
    /// Texts that are sent along: public, with inputs that are no secrets.
    pub(super) fn params(&mut self, params: &'a Templates) {
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

    pub(super) fn declared_input(&mut self, name: &'a str, span: Span) -> Option<&'a Input> {
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
