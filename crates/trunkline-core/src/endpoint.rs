//! Where a connection's requests go, and the only hosts that may see its credential.

use http::{HeaderName, HeaderValue};
use url::{Host, Url};

use crate::address::is_public_host;
use crate::error::{Error, ErrorKind};

/// The base URL of a connection's API, and the origins its credential may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    others: Vec<url::Origin>,
    entity_header: Option<HeaderName>,
    entity: Option<HeaderValue>,
    public_only: bool,
}

impl Endpoint {
    /// An endpoint whose credential goes to `base`'s origin alone. Paths are joined below `base`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] unless `base` is https, or http on loopback, without query,
    /// fragment and user information.
    pub fn new(mut base: Url) -> Result<Self, Error> {
        if !is_secure(&base) {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "a base URL must be https (plain http is for loopback only)",
            ));
        }
        let plain = base.query().is_none() && base.fragment().is_none();
        if !plain || !base.username().is_empty() || base.password().is_some() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "a base URL has no query, fragment or user information",
            ));
        }
        if base.path().ends_with('/') {
            let trimmed = base.path().trim_end_matches('/').to_owned();
            base.set_path(&trimmed);
        }
        Ok(Self { base, others: Vec::new(), entity_header: None, entity: None, public_only: false })
    }

    /// Lets the credential go to `url`'s origin too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] unless it is https, or http on loopback.
    pub fn allow(mut self, url: &Url) -> Result<Self, Error> {
        if !is_secure(url) {
            return Err(Error::new(ErrorKind::ConfigInvalid, "an allowed host must be https"));
        }
        self.others.push(url.origin());
        Ok(self)
    }

    /// Keeps requests on the public Internet, redirects that are followed among them. For hosts that somebody else chose,
    /// such as a customer or the author of a manifest: a name may lead into a network of one's own. A host of this
    /// endpoint that is not public by its text, such as loopback, stays what it is.
    #[must_use]
    pub fn public_only(mut self) -> Self {
        self.public_only = true;
        self
    }

    /// Whether a request to `url` may go to the public Internet [only](crate::Request::public_only).
    #[must_use]
    pub fn is_public_only(&self, url: &Url) -> bool {
        self.public_only && (is_public_host(url) || !self.allows(url))
    }

    /// Names the header that scopes a request to a part of the account.
    #[must_use]
    pub fn entity_header(mut self, name: HeaderName) -> Self {
        self.entity_header = Some(name);
        self
    }

    /// Scopes every request to `entity`, unless it names another. Needs an
    /// [`entity_header`](Self::entity_header).
    #[must_use]
    pub fn scoped_to(mut self, entity: HeaderValue) -> Self {
        self.entity = Some(entity);
        self
    }

    /// The part of the account that requests are scoped to when they name none.
    #[must_use]
    pub fn entity(&self) -> Option<&HeaderValue> {
        self.entity.as_ref()
    }

    /// The base URL, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The header that scopes a request to a part of the account, where the service has one.
    #[must_use]
    pub fn entity_header_name(&self) -> Option<&HeaderName> {
        self.entity_header.as_ref()
    }

    /// Whether the credential may be sent to `url`: same scheme, host and port as the base or an
    /// allowed origin.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        same_origin(&self.base, url)
            || (!self.others.is_empty() && is_secure(url) && self.others.contains(&url.origin()))
    }

    /// The URL of `path` below the base. A query may stand in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when the path does not start with `/`, or leaves the base by `..`.
    pub fn join(&self, path: &str) -> Result<Url, Error> {
        let refused = || {
            Error::new(ErrorKind::InvalidInput, "a path starts with one slash and stays below the base URL")
        };
        if !path.starts_with('/') || path.contains('\\') {
            return Err(refused());
        }
        let mut text = String::with_capacity(self.base.as_str().len() + path.len() + 1);
        text.push_str(self.base.as_str().trim_end_matches('/'));
        text.push_str(path);
        let url = Url::parse(&text).map_err(|_| refused())?;
        let below = url.path().strip_prefix(self.base.path().trim_end_matches('/'));
        if same_origin(&self.base, &url) && below.is_some_and(|rest| rest.starts_with('/')) {
            Ok(url)
        } else {
            Err(refused())
        }
    }
}

/// Whether both have the same scheme, host and port. Allocates nothing, unlike [`Url::origin`].
fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether a secret may travel to `url`: https anywhere, http only to a loopback address.
#[must_use]
pub fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            // A resolver could point any name elsewhere, but this one is reserved (RFC 6761, 6.3).
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base: &str) -> Endpoint {
        Endpoint::new(base.parse().unwrap()).unwrap()
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in
            ["https://api.example.com/v1", "http://127.0.0.1:9/x", "http://[::1]:9", "http://localhost:1"]
        {
            assert!(Endpoint::new(good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in
            ["http://api.example.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "http://10.0.0.1"]
        {
            assert!(Endpoint::new(bad.parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_credential_goes_to_the_exact_origin_only() {
        let endpoint = endpoint("https://api.example.com/v1");
        assert!(endpoint.allows(&"https://api.example.com/other".parse().unwrap()));
        for other in [
            "https://api.example.com:444/v1",
            "http://api.example.com/v1",
            "https://api.example.com.evil.test/v1",
            "https://evil.test/v1",
        ] {
            assert!(!endpoint.allows(&other.parse().unwrap()), "{other}");
        }
        let wider = endpoint.allow(&"https://files.example.com".parse().unwrap()).unwrap();
        assert!(wider.allows(&"https://files.example.com/x".parse().unwrap()));
    }

    #[test]
    fn an_endpoint_that_somebody_else_chose_stays_on_the_public_internet() {
        let is = |endpoint: &Endpoint, url: &str| endpoint.is_public_only(&url.parse().unwrap());
        let chosen = endpoint("https://api.example.com/v1").public_only();
        for url in [
            "https://api.example.com/v1",
            "https://elsewhere.test/",
            "http://127.0.0.1/",
            "https://10.0.0.1/",
        ] {
            assert!(is(&chosen, url), "{url}");
            assert!(!is(&endpoint("https://api.example.com/v1"), url), "{url}");
        }
        let local = endpoint("http://127.0.0.1:4020").public_only();
        assert!(!is(&local, "http://127.0.0.1:4020/x"));
        assert!(is(&local, "http://127.0.0.1:4021/x"));
    }

    #[test]
    fn a_path_stays_below_the_base() {
        let endpoint = endpoint("https://api.example.com/v1/");
        assert_eq!(endpoint.join("/a/b?c=d").unwrap().as_str(), "https://api.example.com/v1/a/b?c=d");
        for bad in ["a", "//evil.test/x/../..", "/../x", "/%2e%2e/x", "@evil.test/", "\\\\evil.test"] {
            let joined = endpoint.join(bad);
            assert!(
                joined.as_ref().is_err()
                    || joined.unwrap().as_str().starts_with("https://api.example.com/v1/"),
                "{bad}"
            );
        }
        assert!(endpoint.join("/../x").is_err());
    }
}
