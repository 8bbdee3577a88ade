//! The hosts that a manifest may send anything to.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use trunkline_core::url::{Host, Url};
use trunkline_core::{is_public_host, is_secure};

use crate::suffix::{Names, is_of, of_others};

/// A host, or all hosts below a domain: `api.acme.example`, `*.acme.example`. A port may follow; without one it is
/// 443, and any port on loopback. Names below a public suffix are not the domain's: `*.amazonaws.com` is not
/// `stranger.s3.amazonaws.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPattern {
    /// The host, or what follows `*.`.
    name: Box<str>,
    below: bool,
    port: Option<u16>,
    /// The name is that of an input, whose value is a host.
    of_input: bool,
}

impl HostPattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(input) = text.strip_prefix("{input.").and_then(|rest| rest.strip_suffix('}')) {
            let is_name = !input.is_empty() && !input.contains(['{', '}']);
            let name = input.into();
            return match is_name {
                true => Ok(Self { name, below: false, port: None, of_input: true }),
                false => Err("`{input.…}` names an input".to_owned()),
            };
        }
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let url = Url::parse(&format!("https://{rest}/")).ok();
        let url = url.filter(|url| {
            url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
                && url.fragment().is_none()
        });
        let (Some(url), false) = (url, rest.contains(['/', '@', '*', '{', ' ', '\\'])) else {
            return Err(format!("`{}` is no host; write api.acme.example or *.acme.example", printed(text)));
        };
        let name = url.host_str().unwrap_or_default();
        let port = rest.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        if !rest.eq_ignore_ascii_case(&match port {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        }) {
            return Err(format!("`{}` is no host in its usual spelling, which is `{name}`", printed(text)));
        }
        // DNS knows both spellings, and certificates only the one without.
        if name.ends_with('.') {
            return Err(format!("`{}` is no host in its usual spelling: it ends with a dot", printed(text)));
        }
        let is_name = matches!(url.host(), Some(Host::Domain(_)));
        if below && (!is_name || !name.contains('.')) {
            return Err("below `*.` stands a domain of one's own, such as *.acme.example".to_owned());
        }
        match of_others(name).filter(|_| below) {
            Some(Names::Anybody) => {
                return Err(format!(
                    "anybody can register a name below `{name}`; after `*.` stands a domain of the service's own"
                ));
            }
            Some(Names::Customers) => {
                return Err(format!(
                    "below `{name}` the customers of a host have their own servers; list each host by its name"
                ));
            }
            None => {}
        }
        if !is_public_host(&url) && !is_loopback(&url) {
            return Err(format!("`{name}` is a host of a private network"));
        }
        Ok(Self { name: name.into(), below, port, of_input: false })
    }

    /// The input whose value is the host, if it is one.
    pub(crate) fn input(&self) -> Option<&str> {
        self.of_input.then_some(&*self.name)
    }

    /// Whether `url` is at such a host, and safe for a secret.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => is_loopback(url) || url.port().is_none(),
        };
        is_secure(url) && port && self.names(host) && !self.of_input
    }

    /// Whether every host that `labels` can stand for is one of these; `None` is a label that is not known.
    pub(crate) fn covers(&self, labels: &[Option<&str>]) -> bool {
        let own: Vec<&str> = self.name.split('.').collect();
        let fits = |labels: &[Option<&str>]| {
            labels.len() == own.len()
                && labels
                    .iter()
                    .zip(&own)
                    .all(|(label, own)| label.is_some_and(|label| label.eq_ignore_ascii_case(own)))
        };
        match labels.len().checked_sub(own.len()) {
            _ if self.of_input => false,
            Some(1..) if self.below => {
                // Whatever an unknown label is, as long as it makes no suffix of the list.
                let host: Vec<_> = labels.iter().map(|label| label.unwrap_or("x")).collect();
                let is_own = is_of(&host.join(".").to_ascii_lowercase(), &self.name);
                is_own && fits(&labels[labels.len() - own.len()..])
            }
            Some(0) => !self.below && fits(labels),
            _ => false,
        }
    }

    /// Whether all that `other` names is named by this one.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        let within = match (self.below, other.below) {
            (false, true) => false,
            (false, false) => self.name == other.name,
            (true, false) => self.names(&other.name),
            (true, true) => self.name == other.name || self.names(&other.name),
        };
        within && self.port == other.port && !self.of_input && !other.of_input
    }

    /// A host that it names.
    pub(crate) fn sample(&self) -> String {
        self.sample_below("example")
    }

    /// The one called `label` where it names all below a domain.
    pub(crate) fn sample_below(&self, label: &str) -> String {
        let below = if self.below { format!("{label}.") } else { String::new() };
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        format!("{below}{}{port}", self.name)
    }

    fn names(&self, host: &str) -> bool {
        match host.len().checked_sub(self.name.len()) {
            Some(0) => !self.below && host.eq_ignore_ascii_case(&self.name),
            Some(at) if self.below && at > 1 && host.is_char_boundary(at) => {
                let is_below = host[..at].ends_with('.') && host[at..].eq_ignore_ascii_case(&self.name);
                is_below && is_of(&host.to_ascii_lowercase(), &self.name)
            }
            _ => false,
        }
    }
}

fn printed(text: &str) -> String {
    trunkline_core::printable(text)
}

/// Whether a text is the name of a host of the public Internet, in its usual spelling: no address, and no port.
pub(crate) fn is_public_name(text: &str) -> bool {
    const MAX_NAME_BYTES: usize = 253;
    let url = Url::parse(&format!("https://{text}/")).ok();
    let is_name = |url: &Url| matches!(url.host(), Some(Host::Domain(name)) if name == text);
    // URLs let more through than names have.
    let is_of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    text.len() <= MAX_NAME_BYTES
        && text.bytes().all(is_of_names)
        && !text.split('.').any(str::is_empty)
        && url.is_some_and(|url| is_name(&url) && is_public_host(&url))
}

/// Whether `url` is of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of_input {
            return write!(f, "{{input.{}}}", self.name);
        }
        if self.below {
            f.write_str("*.")?;
        }
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct HostVisitor;
        impl Visitor<'_> for HostVisitor {
            type Value = HostPattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a host")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HostPattern, E> {
                HostPattern::parse(text).map_err(E::custom)
            }
        }
        input.deserialize_str(HostVisitor)
    }
}

#[cfg(feature = "schema")]
crate::schema::is_text!(
    HostPattern,
    "A host such as api.acme.example, all below a domain: *.acme.example, or an input that is a host: {input.host}."
);

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, url: &str) -> bool {
        HostPattern::parse(pattern).unwrap().allows(&url.parse().unwrap())
    }

    #[test]
    fn a_host_is_itself_and_a_star_is_what_is_below() {
        for (pattern, url) in [
            ("api.acme.example", "https://api.acme.example/x"),
            ("*.acme.example", "https://eu.acme.example/"),
            ("*.acme.example", "https://a.b.acme.example/"),
            ("acme.example:8443", "https://acme.example:8443/"),
            ("127.0.0.1", "http://127.0.0.1:4020/"),
        ] {
            assert!(allows(pattern, url), "{pattern} {url}");
        }
        for (pattern, url) in [
            ("api.acme.example", "http://api.acme.example/"),
            ("api.acme.example", "https://api.acme.example:444/"),
            ("api.acme.example", "https://api.acme.example.evil.test/"),
            ("api.acme.example", "https://api.acme.example@evil.test/"),
            ("*.acme.example", "https://acme.example/"),
            ("*.acme.example", "https://evilacme.example/"),
            ("*.acme.example", "https://evil.test/.acme.example"),
            ("acme.example:8443", "https://acme.example/"),
            ("127.0.0.1", "http://127.0.0.2/"),
        ] {
            assert!(!allows(pattern, url), "{pattern} {url}");
        }
    }

    #[test]
    fn what_is_no_host_or_one_of_a_private_network_is_refused() {
        for text in [
            "",
            "*",
            "*.example",
            "*.com",
            "a/b",
            "a@b.example",
            "https://a.example",
            "10.0.0.1",
            "169.254.169.254",
            "metadata.google.internal",
            "intranet",
            "*.*.a.example",
            "{input.x}.a.example",
            "0x7f.1",
            "*.127.0.0.1",
            "a b.example",
            "api.acme.example.",
            "*.acme.example.",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_no_names_of_others() {
        for (text, said) in [
            ("*.co.uk", "anybody can register a name below `co.uk`"),
            ("*.com:8443", "a domain of one's own"),
            ("*.CO.UK", "anybody can register"),
            ("*.xn--55qx5d.cn", "anybody can register"),
            ("*.github.io", "list each host by its name"),
            ("*.eu-west-1.compute.amazonaws.com", "list each host by its name"),
        ] {
            let why = HostPattern::parse(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
        for own in ["*.acme.co.uk", "*.myshopify.com", "*.my.salesforce.com", "acme.github.io", "github.io"] {
            assert!(HostPattern::parse(own).is_ok(), "{own}");
        }
        let aws = HostPattern::parse("*.amazonaws.com").unwrap();
        assert!(aws.allows(&"https://sts.amazonaws.com/".parse().unwrap()));
        assert!(!aws.allows(&"https://stranger.s3.amazonaws.com/".parse().unwrap()));
        assert!(aws.covers(&[None, Some("amazonaws"), Some("com")]));
        assert!(!aws.covers(&[None, Some("S3"), Some("amazonaws"), Some("com")]));
        assert!(!aws.includes(&HostPattern::parse("stranger.s3.amazonaws.com").unwrap()));
    }

    #[test]
    fn a_public_name_is_no_address_and_no_name_of_ones_own_network() {
        for good in ["gitlab.acme.example", "git.xn--55qx5d.cn", "127.0.0.1.nip.io", "a.b"] {
            assert!(is_public_name(good), "{good}");
        }
        for bad in [
            "",
            "com",
            "intranet",
            "localhost",
            "git.local",
            "metadata.google.internal",
            "a.example.",
            "A.example",
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "[::1]",
            "169.254.169.254",
            "a.example:8443",
            "u@a.example",
            "a.example/x",
            "a.example?x",
            "a.example#x",
            "a.example\\x",
            " a.example",
            "a b.example",
            "a..b",
            "\u{ff41}.example",
            "%61.example",
            "a.example\n",
            "1.2.3",
            "{x}.example",
            "a|b.example",
            "*.a.example",
            "git.1",
        ] {
            assert!(!is_public_name(bad), "{bad}");
        }
        assert!(!is_public_name(&format!("{}.example", "a.".repeat(130))));
        let marked = HostPattern::parse("{input.host}").unwrap();
        assert_eq!((marked.input(), &*marked.to_string()), (Some("host"), "{input.host}"));
        assert!(!marked.includes(&marked) && !marked.covers(&[Some("host")]) && !marked.covers(&[None]));
        for bad in
            ["{input.}", "{input.a}.example", "*.{input.a}", "{input.a}:8443", "{capture.a}", "{input.{a}}"]
        {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_label_is_covered_by_a_star_alone() {
        let star = HostPattern::parse("*.acme.example").unwrap();
        assert!(star.covers(&[None, Some("acme"), Some("example")]));
        assert!(!star.covers(&[None, None, Some("example")]));
        assert!(!star.covers(&[Some("acme"), Some("example")]));
        let exact = HostPattern::parse("api.acme.example").unwrap();
        assert!(exact.covers(&[Some("api"), Some("acme"), Some("example")]));
        assert!(!exact.covers(&[None, Some("acme"), Some("example")]));
    }

    #[test]
    fn a_pattern_includes_what_is_narrower() {
        let of = |text| HostPattern::parse(text).unwrap();
        assert!(of("*.acme.example").includes(&of("*.eu.acme.example")));
        assert!(of("*.acme.example").includes(&of("api.acme.example")));
        assert!(!of("*.eu.acme.example").includes(&of("*.acme.example")));
        assert!(!of("api.acme.example").includes(&of("*.acme.example")));
    }
}
