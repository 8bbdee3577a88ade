//! Salesforce's hosts: where people sign in, and where an org's data is.
//!
//! A credential leaves for no other: the address of an org comes with each token answer, and what is no host
//! of Salesforce is not believed. Loopback counts only where the sign-in is on loopback too, as it is with the
//! simulator.

use trunkline_core::url::{Host, Url};
use trunkline_core::{Error, ErrorKind};

const LOGIN: &str = "login.salesforce.com";
const TEST: &str = "test.salesforce.com";

/// The zone of an org's own host; a sandbox has one more label before it.
const MY_DOMAIN: &str = ".my.salesforce.com";
const SANDBOX_DOMAIN: &str = ".sandbox.my.salesforce.com";
/// The zone of Experience Cloud sites.
const SITE: &str = ".my.site.com";
/// Everything beneath it is Salesforce's.
const SALESFORCE: &str = ".salesforce.com";

/// Hosts of the user interface, which people copy from the address bar. They answer no token request.
const USER_INTERFACE: [&str; 2] = [".lightning.force.com", ".salesforce-setup.com"];

const MY_DOMAIN_HINT: &str = "Give the org's My Domain, such as https://acme.my.salesforce.com: Setup > My Domain \
                              shows it.";

/// Where a connection's user signs in, and where its tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoginHost(Url);

/// Why a text names no such host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoLoginHost {
    /// A host of the user interface.
    UserInterface,
    /// No host of Salesforce, or not https.
    Foreign,
}

impl From<NoLoginHost> for Error {
    fn from(why: NoLoginHost) -> Self {
        match why {
            NoLoginHost::UserInterface => {
                Self::new(ErrorKind::ConfigInvalid, "login_url is a host of the user interface")
                    .hint(MY_DOMAIN_HINT)
            }
            NoLoginHost::Foreign => Self::new(ErrorKind::ConfigInvalid, "login_url is no host of Salesforce")
                .hint(
                    "Give https://login.salesforce.com, https://test.salesforce.com for sandboxes, or the org's \
                     My Domain; plain http is for loopback only.",
                ),
        }
    }
}

impl LoginHost {
    /// Reads a URL, or a bare host name. A path is refused: it is a page, and pages have no tokens.
    pub(crate) fn parse(text: &str) -> Result<Self, NoLoginHost> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&whole).map_err(|_| NoLoginHost::Foreign)?;
        let Some(host) = url.host_str() else { return Err(NoLoginHost::Foreign) };
        if USER_INTERFACE.iter().any(|zone| host.ends_with(zone)) {
            return Err(NoLoginHost::UserInterface);
        }
        let known = [LOGIN, TEST].contains(&host) || is_beneath(host, MY_DOMAIN) || is_beneath(host, SITE);
        let fits = is_loopback(&url) || (known && url.scheme() == "https" && url.port().is_none());
        match origin(&url) {
            Some(origin) if fits && url.path() == "/" => Ok(Self(origin)),
            _ => Err(NoLoginHost::Foreign),
        }
    }

    /// The address as it is stored, without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The address of `path`, which starts with a slash.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// Whether it belongs to one org. The two common hosts do not, and refuse client credentials. An address
    /// on loopback is taken for an org's.
    pub(crate) fn is_of_one_org(&self) -> bool {
        !self.0.host_str().is_some_and(|host| [LOGIN, TEST].contains(&host))
    }

    /// Whether sandboxes sign in here, as far as the name says.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.0.host_str().is_some_and(|host| host == TEST || host.ends_with(SANDBOX_DOMAIN))
    }

    /// The `instance_url` of a token answer from here, cut to its origin. `None` for what is no place to send
    /// a credential to.
    pub(crate) fn instance(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?;
        let is_data_host = is_beneath(host, SALESFORCE) && ![LOGIN, TEST].contains(&host);
        let is_of_service = is_data_host && url.scheme() == "https" && url.port().is_none();
        let is_simulated = is_loopback(&self.0) && is_loopback(&url);
        if is_of_service || is_simulated { origin(&url) } else { None }
    }
}

/// Whether `host` is a name in `zone`, which starts with a dot.
fn is_beneath(host: &str, zone: &str) -> bool {
    host.len() > zone.len() && host.ends_with(zone)
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

/// Scheme, host and port alone; `None` for an address with a name or password in it.
fn origin(url: &Url) -> Option<Url> {
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    Some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> LoginHost {
        LoginHost::parse(text).unwrap()
    }

    #[test]
    fn login_test_my_domain_and_site_are_hosts_to_sign_in_at() {
        for (text, of_one_org, sandbox) in [
            ("https://login.salesforce.com", false, false),
            ("https://test.salesforce.com/", false, true),
            ("acme.my.salesforce.com", true, false),
            (" https://acme--dev.sandbox.my.salesforce.com ", true, true),
            ("https://partners.my.site.com", true, false),
            ("http://127.0.0.1:4020", true, false),
        ] {
            let host = login(text);
            assert_eq!((host.is_of_one_org(), host.is_sandbox()), (of_one_org, sandbox), "{text}");
        }
        assert_eq!(login("acme.my.salesforce.com").as_str(), "https://acme.my.salesforce.com");
    }

    #[test]
    fn a_page_of_the_user_interface_is_refused_with_what_to_give_instead() {
        for text in ["https://acme.lightning.force.com/lightning/page/home", "acme.my.salesforce-setup.com"] {
            let why = LoginHost::parse(text).unwrap_err();
            assert_eq!(why, NoLoginHost::UserInterface, "{text}");
            assert!(Error::from(why).hint_text().unwrap().contains("My Domain"));
        }
    }

    #[test]
    fn what_is_no_host_of_salesforce_is_refused() {
        for text in [
            "",
            "https://",
            "acme",
            "http://login.salesforce.com",
            "https://login.salesforce.com:8443",
            "https://login.salesforce.com.evil.test",
            "https://evilmy.salesforce.com",
            "https://.my.salesforce.com",
            "https://user@acme.my.salesforce.com",
            "https://acme.my.salesforce.com/home",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(LoginHost::parse(text), Err(NoLoginHost::Foreign), "{text}");
        }
    }

    #[test]
    fn an_instance_is_a_data_host_of_salesforce_by_its_origin() {
        let host = login("https://login.salesforce.com");
        let of = |text: &str| host.instance(text).map(|url| url.to_string());
        let expected = Some("https://acme.my.salesforce.com/".to_owned());
        assert_eq!(of("https://acme.my.salesforce.com"), expected);
        assert_eq!(of("https://acme.my.salesforce.com/services/data?x=1#y"), expected);
        for bad in [
            "http://acme.my.salesforce.com",
            "https://login.salesforce.com",
            "https://test.salesforce.com",
            "https://acme.my.salesforce.com.evil.test",
            "https://evilsalesforce.com",
            "https://acme.my.salesforce.com:8443",
            "https://u:p@acme.my.salesforce.com",
            "http://127.0.0.1:4020",
            "https://localhost",
            "acme.my.salesforce.com",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        let simulated = login("http://127.0.0.1:4020");
        assert!(simulated.instance("http://127.0.0.1:4021").is_some());
        assert_eq!(simulated.instance("http://10.0.0.1:4021"), None);
    }
}
