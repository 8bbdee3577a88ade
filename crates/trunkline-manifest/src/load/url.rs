//! Where a URL with expressions can lead: known when it is loaded.
//!
//! An expression fills a label of the host or a segment of the path, and its values are made of characters that end
//! neither. The two last labels of a host stand in the manifest, or are one of the values that it lists.

use std::fmt;

use trunkline_core::url::Url;

use super::check::is_safe;
use crate::format::Format;
use crate::host::HostPattern;
use crate::template::{Part, Root, Template};
use crate::values::named_host;

/// Stands for a value that is not known.
const UNKNOWN: char = '\u{1}';
/// Most hosts that a URL can lead to by values that the manifest lists.
const MAX_HOSTS: usize = 64;

/// Where a URL leads.
pub(super) enum Shape {
    /// To a capture's host, which is checked against the capture's own list.
    OfCapture,
    /// To the host that an input is.
    OfInput(String),
    /// To these.
    Hosts(Vec<HostName>),
}

/// A host, some of whose labels may not be known.
pub(super) struct HostName {
    labels: Vec<String>,
    port: Option<u16>,
}

impl HostName {
    /// Whether every host it can be is one of `allowed`.
    pub(super) fn is_covered_by(&self, allowed: &HostPattern) -> bool {
        let labels: Vec<_> =
            self.labels.iter().map(|label| (!label.contains(UNKNOWN)).then_some(label.as_str())).collect();
        let whole = self.labels.join(".");
        match (self.port, whole.contains(UNKNOWN)) {
            // A port or an address is a whole host: asked as it will be asked.
            (port, false) => {
                let port = port.map_or(String::new(), |port| format!(":{port}"));
                ["https", "http"].iter().any(|scheme| {
                    Url::parse(&format!("{scheme}://{whole}{port}/")).is_ok_and(|url| allowed.allows(&url))
                })
            }
            (None, true) => allowed.covers(&labels),
            (Some(_), true) => false,
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.labels.join(".").replace(UNKNOWN, "…"))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Reads a URL's shape; `Err` says why it may lead elsewhere.
pub(super) fn shape(template: &Template, format: &Format) -> Result<Shape, String> {
    let mut parts = template.parts().iter();
    if let Some(input) = named_host(template, format) {
        let ends = match template.parts().get(2) {
            None => true,
            Some(Part::Literal(text)) => text.starts_with('/'),
            Some(Part::Expression(..)) => false,
        };
        if !ends {
            return Err(format!("after `{input}`, which is a whole host, stands a `/`"));
        }
        path(parts.skip(2), "", format)?;
        return Ok(Shape::OfInput(input.to_owned()));
    }
    let after = match template.parts().first() {
        Some(Part::Expression(Root::Capture, name)) => {
            let hosts = format.captures.get(&**name).and_then(|capture| capture.hosts.as_ref());
            if hosts.is_none() {
                return Err(format!(
                    "a URL begins with a capture only if that has `hosts`, and `{name}` has none"
                ));
            }
            parts.next();
            match parts.clone().next() {
                Some(Part::Literal(text)) if !text.starts_with('/') => {
                    return Err("after a capture that is a URL stands a `/`".to_owned());
                }
                Some(Part::Expression(..)) => {
                    return Err("after a capture that is a URL stands a `/`".to_owned());
                }
                _ => None,
            }
        }
        Some(Part::Literal(text)) => {
            let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme));
            let Some(scheme) = scheme else { return Err("a URL begins with https://".to_owned()) };
            Some(scheme.len())
        }
        _ => return Err("a URL begins with https://".to_owned()),
    };
    let Some(skip) = after else {
        path(parts, "", format)?;
        return Ok(Shape::OfCapture);
    };
    hosts(template, skip, format).map(Shape::Hosts)
}

fn hosts(template: &Template, skip: usize, format: &Format) -> Result<Vec<HostName>, String> {
    let mut authorities = vec![String::new()];
    let mut parts = template.parts().iter();
    let mut rest = String::new();
    let mut is_first = true;
    for part in parts.by_ref() {
        match part {
            Part::Literal(text) => {
                let text = if std::mem::take(&mut is_first) { &text[skip..] } else { text };
                let end = text.find(['/', '?', '#', '\\']).unwrap_or(text.len());
                authorities.iter_mut().for_each(|authority| authority.push_str(&text[..end]));
                if end < text.len() {
                    rest = text[end..].to_owned();
                    break;
                }
            }
            Part::Expression(root, name) => authorities = with_value(&authorities, *root, name, format)?,
        }
    }
    path(parts, &rest, format)?;
    let plain_http = skip == "http://".len();
    authorities.into_iter().map(|authority| host(&authority, plain_http)).collect()
}

/// Each authority with each value that the expression can have.
fn with_value(before: &[String], root: Root, name: &str, format: &Format) -> Result<Vec<String>, String> {
    let listed = match root {
        Root::Input => format.inputs.get(name).and_then(|input| input.one_of.as_deref()),
        Root::Capture => format.captures.get(name).and_then(|capture| capture.one_of.as_deref()),
        Root::Credential | Root::Response => None,
    };
    let values = match listed {
        Some(values) => values.clone(),
        None => {
            let label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            fits(root, name, format, label, "a label of a host", "letters, digits, `-` and `_` only")?;
            vec![UNKNOWN.to_string()]
        }
    };
    if before.len() * values.len() > MAX_HOSTS {
        return Err(format!("this URL can lead to more than {MAX_HOSTS} hosts"));
    }
    Ok(before.iter().flat_map(|before| values.iter().map(move |value| format!("{before}{value}"))).collect())
}

/// The value's pattern must be there, and hold only what is `allowed`.
fn fits(
    root: Root,
    name: &str,
    format: &Format,
    allowed: impl Fn(u8) -> bool,
    place: &str,
    holds: &str,
) -> Result<(), String> {
    let kind = root.name();
    if root == Root::Input && format.inputs.get(name).is_some_and(|input| input.public_host) {
        return Err(format!(
            "the input `{name}` is a whole host, and not {place}: write https://{{input.{name}}}/"
        ));
    }
    let pattern = match root {
        Root::Input => format.inputs.get(name).and_then(|input| input.pattern.as_ref()),
        Root::Capture => format.captures.get(name).and_then(|capture| capture.pattern.as_ref()),
        Root::Credential | Root::Response => None,
    };
    match pattern {
        None => Err(format!("the {kind} `{name}` is {place}, so it needs a `pattern` or `one_of`")),
        Some(pattern) if !pattern.holds_only(allowed) || pattern.matches_nothing() => Err(format!(
            "the {kind} `{name}` is {place}: its pattern must match {holds}, and not the empty text"
        )),
        Some(_) => Ok(()),
    }
}

fn host(authority: &str, plain_http: bool) -> Result<HostName, String> {
    // What a value lists is looked at as well: a slash in one would end the host early.
    let is_host = |c: char| c == UNKNOWN || c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if !authority.chars().all(is_host) {
        return Err(
            "before its path, a URL has a host and perhaps a port, and no user information".to_owned()
        );
    }
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) => {
            (name, Some(port.parse().map_err(|_| "a port is a number that stands in the URL".to_owned())?))
        }
        None => (authority, None),
    };
    let labels: Vec<String> = name.split('.').map(str::to_owned).collect();
    if labels.iter().any(String::is_empty) {
        return Err("this URL has no host".to_owned());
    }
    let known = labels.iter().rev().take_while(|label| !label.contains(UNKNOWN)).count();
    if known < labels.len() && known < 2 {
        return Err(
            "an expression may not choose the domain: the two last labels of a host are fixed".to_owned()
        );
    }
    if plain_http && !Url::parse(&format!("http://{authority}/")).is_ok_and(|url| is_safe(&url)) {
        return Err("a URL begins with https:// (plain http is for loopback only)".to_owned());
    }
    Ok(HostName { labels, port })
}

/// What follows the host: each expression is a whole segment, or a part of one, and stays in it.
fn path<'p>(parts: impl Iterator<Item = &'p Part>, first: &str, format: &Format) -> Result<(), String> {
    let mut in_query = false;
    let mut literal = |text: &str| {
        in_query |= text.contains('?');
        let odd =
            text.contains(['#', '\\', ' ']) || text.split('/').any(|segment| matches!(segment, "." | ".."));
        if odd { Err("a URL's path has no `#`, `\\`, blank or `..`".to_owned()) } else { Ok(in_query) }
    };
    let mut query = literal(first)?;
    for part in parts {
        match part {
            Part::Literal(text) => query = literal(text)?,
            Part::Expression(..) if query => {
                return Err("an expression may not stand in a URL's query".to_owned());
            }
            Part::Expression(root, name) => {
                let listed = match root {
                    Root::Input => format.inputs.get(&**name).and_then(|input| input.one_of.as_deref()),
                    Root::Capture => {
                        format.captures.get(&**name).and_then(|capture| capture.one_of.as_deref())
                    }
                    Root::Credential | Root::Response => None,
                };
                let inside = |byte: u8| byte.is_ascii_graphic() && !b"/\\@:?#%{}".contains(&byte);
                match listed {
                    Some(values)
                        if values.iter().all(|value| value.bytes().all(inside) && !value.is_empty()) => {}
                    Some(_) => {
                        return Err(format!("a value of `{name}` does not fit into one segment of a path"));
                    }
                    None => {
                        fits(
                            *root,
                            name,
                            format,
                            inside,
                            "a segment of a path",
                            "none of `/`, `\\`, `@`, `:`, `?`, `#`, `%`",
                        )?;
                    }
                }
            }
        }
    }
    Ok(())
}
