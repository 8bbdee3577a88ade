//! What must hold beyond the shape: everything that is named is declared, everything declared is used, nothing leads
//! elsewhere, nothing is a secret.

mod after;
mod callback;
mod flow;
mod host;
mod injection;
mod oauth1;
mod oauth2;
mod revocation;
mod service;
mod text;

use std::collections::HashSet;

use trunkline_core::jiff::civil::Date;
use trunkline_core::url::Url;
use trunkline_core::{ErrorKind, is_secure};

use self::oauth2::MEMBERS;
use super::secrets;
use super::sources::Sources;
use crate::at::{At, Span};
use crate::format::{Capture, CaptureSource, Format, GivenBy, Input, VERSION};
use crate::problem::Problem;

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
        self.given_hosts();
        if let Some(oauth2) = &format.oauth2 {
            self.oauth2(oauth2);
        }
        if let Some(oauth1) = &format.oauth1 {
            self.oauth1(oauth1);
        }
        if let Some(oauth1) = &format.oauth1_token {
            self.oauth1_token(oauth1);
        }
        if let Some(key) = &format.api_key {
            self.api_key(key);
        }
        if let Some(basic) = &format.basic {
            self.basic(basic);
        }
        if let Some(login) = &format.session_login {
            self.session_login(login);
        }
        if let Some(jwt) = &format.jwt_bearer {
            self.jwt_bearer(jwt);
        }
        self.after_consent();
        self.api();
        self.identity();
        self.errors();
        self.oauth1_errors();
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
            _ if input.public_host && (input.pattern.is_some() || input.one_of.is_some() || input.secret) => {
                self.problem(input.span, "a host has neither `pattern` nor `one_of`, and is no secret");
            }
            (_, Some(values)) if values.is_empty() => {
                self.problem(values.span, "`one_of` lists at least one value");
            }
            _ if !crate::values::accepts(input, &input.example) => {
                self.problem(input.example.span, "the example is no good value of this input");
            }
            _ => {}
        }
        if let Some(default) = &input.default {
            if input.secret || secrets::is_secret(default) {
                self.problem(default.span, "a secret in clear: a secret has no `default`").hide();
            } else if !crate::values::accepts(input, default) || default.is_empty() {
                self.problem(default.span, "the default is no good value of this input");
            }
        }
        if input.given_by == GivenBy::Once && self.format.session_login.is_none() {
            self.problem(input.span, "there is no [session_login], which alone takes an input once");
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
            if host.input().is_some() {
                self.problem(host.span, "a capture's hosts stand in the manifest");
            } else if !self.format.allowed_hosts.iter().any(|allowed| allowed.includes(host)) {
                self.problem(host.span, format!("`{}` is not among the allowed hosts", **host)).hint =
                    Some("add it to `allowed_hosts`".to_owned());
            }
        }
        let member = capture.member.as_ref().map_or(name, |member| member);
        if secrets::names_secret(member) || MEMBERS[..2].contains(&member) || member == "id_token" {
            self.problem(capture.span, format!("`{member}` is a secret, and captures are none"));
        }
        let is_of_request = *capture.from == CaptureSource::Request;
        let logs_in = self.format.session_login.is_some() || self.format.jwt_bearer.is_some();
        let is_of_login = *capture.from == CaptureSource::TokenResponse && logs_in;
        if self.format.is_oauth1() {
            self.oauth1_capture(member, capture);
        } else if self.format.oauth2.is_none() && !is_of_request && !is_of_login {
            self.problem(capture.span, "there is no `oauth2`, whose answers hold captures");
        }
        if self.format.after_consent.is_none() && is_of_request {
            self.problem(capture.span, "there is no request whose answer holds captures").hint =
                Some("write [after_consent]".to_owned());
        }
    }

    fn methods(&mut self) {
        let methods = self.format.methods();
        if methods.is_empty() {
            self.problem(self.format.name.span, "a manifest has at least one way to hold a grant").hint =
                Some("write [oauth2], [oauth1], [oauth1_token], [api_key], [basic], [session_login] or [jwt_bearer]".to_owned());
        }
        if let Some(default) = &self.format.default_method
            && !methods.contains(default)
        {
            self.problem(default.span, format!("the manifest has no method `{}`", default.name()));
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
