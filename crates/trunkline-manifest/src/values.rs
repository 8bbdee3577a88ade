//! What expressions stand for, of one connection.

use std::collections::BTreeMap;

use trunkline_core::url::Url;
use trunkline_core::{Captures, Cause, Diagnosis, Error, Inputs, Remedy, Secret, is_public_host};
use zeroize::Zeroizing;

use crate::format::{Capture, Format, Input};
use crate::host::{HostPattern, is_public_name};
use crate::template::{Part, Root, Template};

/// The capture under which an input is kept that a URL needs again.
pub(crate) fn kept(input: &str) -> String {
    format!("input.{input}")
}

/// Where values come from; whatever is used is checked against what the manifest declares, each time.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) format: &'a Format,
    /// The operator's, from the settings.
    pub(crate) operator: &'a BTreeMap<String, Secret>,
    pub(crate) inputs: Option<&'a Inputs>,
    pub(crate) captures: Option<&'a Captures>,
}

impl Values<'_> {
    /// The value of `{input.name}` or `{capture.name}`.
    pub(crate) fn value(&self, root: Root, name: &str) -> Result<Zeroizing<String>, Error> {
        match root {
            Root::Input => self.input(name),
            Root::Capture => self.capture(name),
            Root::Credential | Root::Response => Err(Error::of(Cause::ConfigurationInvalid)),
        }
    }

    fn input(&self, name: &str) -> Result<Zeroizing<String>, Error> {
        self.input_if_given(name)?.ok_or_else(|| missing(name))
    }

    /// An input; `None` for an optional one that nobody gave and that has no default.
    pub(crate) fn input_if_given(&self, name: &str) -> Result<Option<Zeroizing<String>>, Error> {
        let input = self.format.inputs.get(name).ok_or_else(|| missing(name))?;
        let given = self.operator.get(name).or_else(|| self.inputs?.get(name));
        let given = given.map(|value| Zeroizing::new(value.expose().to_owned()));
        let kept = || self.captures?.get(&kept(name)).map(|value| Zeroizing::new(value.to_owned()));
        let default = || input.default.as_ref().map(|value| Zeroizing::new(value.to_string()));
        match given.filter(|value| !value.is_empty()).or_else(kept).or_else(default) {
            Some(value) if accepts(input, &value) => Ok(Some(value)),
            Some(_) => Err(unfit(name, input)),
            None if input.optional => Ok(None),
            None => Err(missing(name)),
        }
    }

    /// A text with its expressions filled in; `None` if an optional input in it was not given.
    pub(crate) fn text_if_given(&self, template: &Template) -> Result<Option<Zeroizing<String>>, Error> {
        for (_, name) in template.expressions().filter(|(root, _)| *root == Root::Input) {
            if self.input_if_given(name)?.is_none() {
                return Ok(None);
            }
        }
        self.text(template).map(Some)
    }

    fn capture(&self, name: &str) -> Result<Zeroizing<String>, Error> {
        let value = self.captures.and_then(|captures| captures.get(name));
        let capture = self.format.captures.get(name);
        value.zip(capture).and_then(|(value, capture)| good(capture, value)).map(Zeroizing::new).ok_or_else(
            || {
                let why = format!("the service did not say a usable `{name}`");
                Diagnosis::new(Cause::ResponseInvalid).message(&why).into()
            },
        )
    }

    /// A text with its expressions filled in.
    pub(crate) fn text(&self, template: &Template) -> Result<Zeroizing<String>, Error> {
        template.fill(|root, name| self.value(root, name))
    }

    /// A URL with its expressions filled in: at an allowed host, or not at all.
    pub(crate) fn url(&self, template: &Template) -> Result<Url, Error> {
        let is_base = matches!(template.parts().first(), Some(Part::Expression(..)));
        let mut is_first = true;
        let text = template.fill(|root, name| {
            let value = self.value(root, name)?;
            let whole = std::mem::take(&mut is_first) && is_base;
            // The manifest was refused if its patterns let these through; this is the second lock.
            let bends =
                value.contains(['/', '\\', '?', '#', '%', '@', ':']) || matches!(value.as_str(), "." | "..");
            if bends && !whole { Err(elsewhere()) } else { Ok(value) }
        })?;
        let url = Url::parse(&text).map_err(|_| elsewhere())?;
        let is_allowed = match named_host(template, self.format) {
            Some(input) => is_at(&url, &self.input(input)?),
            None => allows(&self.format.allowed_hosts, &url),
        };
        if is_allowed { Ok(url) } else { Err(elsewhere()) }
    }
}

/// The input that is the whole host of a URL.
pub(crate) fn named_host<'t>(template: &'t Template, format: &Format) -> Option<&'t str> {
    match template.parts() {
        [Part::Literal(scheme), Part::Expression(Root::Input, name), ..] if &**scheme == "https://" => {
            format.inputs.get(&**name).filter(|input| input.public_host).map(|_| &**name)
        }
        _ => None,
    }
}

/// Whether `url` is at the host of this name, and nowhere else.
fn is_at(url: &Url, name: &str) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    is_plain && url.scheme() == "https" && url.host_str() == Some(name) && is_public_host(url)
}

/// Whether one of `hosts` is `url`'s.
pub(crate) fn allows<H: std::ops::Deref<Target = HostPattern>>(hosts: &[H], url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && hosts.iter().any(|host| host.allows(url))
}

/// Whether an input may have this value.
pub(crate) fn accepts(input: &Input, value: &str) -> bool {
    input.pattern.as_ref().is_none_or(|pattern| pattern.matches(value))
        && input.one_of.as_ref().is_none_or(|values| values.iter().any(|one| one == value))
        && (!input.public_host || is_public_name(value))
}

/// A capture's value in the form that is kept; `None` unless it is a good one.
pub(crate) fn good(capture: &Capture, value: &str) -> Option<String> {
    if let Some(hosts) = &capture.hosts {
        return base_url(hosts, value);
    }
    let good = capture.pattern.as_ref().is_none_or(|pattern| pattern.matches(value))
        && capture.one_of.as_ref().is_none_or(|values| values.iter().any(|one| one == value));
    (good && !value.is_empty()).then(|| value.to_owned())
}

/// A URL that a service named, if it is at one of `hosts`; a bare host is one, too.
fn base_url<H: std::ops::Deref<Target = HostPattern>>(hosts: &[H], value: &str) -> Option<String> {
    let url = if value.contains("://") { Url::parse(value) } else { Url::parse(&format!("https://{value}")) };
    let url = url.ok().filter(|url| url.query().is_none() && url.fragment().is_none())?;
    allows(hosts, &url).then(|| url.as_str().trim_end_matches('/').to_owned())
}

fn missing(name: &str) -> Error {
    let remedy = Remedy::new("input_missing.named").value("input", name).step("Give the input `{input}`.");
    Diagnosis::new(Cause::InputMissing).remedied(remedy).into()
}

fn unfit(name: &str, input: &Input) -> Error {
    let remedy = Remedy::new("manifest.input_unfit")
        .value("input", name)
        .value("example", &input.example)
        .step("Give the input `{input}` in its usual form, such as {example}.");
    Diagnosis::new(Cause::InputMissing).remedied(remedy).into()
}

fn elsewhere() -> Error {
    Diagnosis::new(Cause::ConfigurationInvalid)
        .message("a value would lead to a host that the manifest does not allow")
        .into()
}
