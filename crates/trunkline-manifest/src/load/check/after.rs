//! The request after consent, and what it brings.

use super::Check;
use crate::at::At;
use crate::format::CaptureSource;
use crate::template::{Root, Template};

impl<'a> Check<'a, '_> {
    pub(super) fn after_consent(&mut self) {
        let Some(after) = &self.format.after_consent else { return };
        self.url(&after.url, &[Root::Input, Root::Capture]);
        self.not_of_request(&after.url);
        self.body(after.body.as_ref());
        let of_request = |required: bool| {
            let mut captures = self.format.captures.values();
            captures.any(|it| *it.from == CaptureSource::Request && (it.required || !required))
        };
        match (of_request(false), of_request(true)) {
            (false, _) => {
                self.problem(after.span, "nothing is captured from its answer").hint =
                    Some("give a capture `from = \"request\"`".to_owned());
            }
            // One that may be left out says nothing of whether it was asked for.
            (true, false) => {
                self.problem(after.span, "one capture of its answer, at least, is required");
            }
            (true, true) => {}
        }
        let Some(choice) = &after.choice else { return };
        if choice.members.is_empty() {
            self.problem(choice.members.span, "`members` lists at least one");
        }
        if let Some(input) = self.stored_input(&choice.input, choice.input.span)
            && (input.secret || !input.optional || input.default.is_some())
        {
            let what =
                "what chooses is an input with `optional = true`, without a default, that is no secret";
            self.problem(choice.input.span, what);
        }
    }

    /// A text that is needed before the request after consent was answered, or that a grant may not be moved by.
    pub(super) fn not_of_request(&mut self, template: &'a At<Template>) {
        let captures = &self.format.captures;
        let of_request = |name: &str| captures.get(name).is_some_and(|it| *it.from == CaptureSource::Request);
        for (root, name) in template.expressions() {
            if root == Root::Capture && of_request(name) {
                self.problem(
                    template.span,
                    format!("`{name}` is not known before the request after consent"),
                );
            }
        }
    }
}
