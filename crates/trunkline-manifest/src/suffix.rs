//! Whose a name is, by the Public Suffix List (publicsuffix.org): below `co.uk` or `github.io` anybody can have one.

use psl::{List, Psl as _, Type};

/// Suffixes of the list's private part below which customers choose names, but every name leads to the service's own
/// machines, so that what is sent there reaches nobody else. The list has them to keep cookies apart.
///
/// - `myshopify.com`: a shop's name; shops have no code of their own there.
const OF_THE_SERVICE: [&str; 1] = ["myshopify.com"];

/// Below a name that is a public suffix, who can have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Anybody, at a registry.
    Anybody,
    /// The customers of whoever owns the suffix, on machines of their own or with code of their own.
    Customers,
}

/// Whether others than `domain`'s owner can have names right below it; `domain` is in lower case, as URLs have it.
pub(crate) fn of_others(domain: &str) -> Option<Names> {
    let suffix = List.suffix(domain.as_bytes())?;
    if suffix.as_bytes().len() < domain.len() || OF_THE_SERVICE.contains(&domain) {
        return None;
    }
    Some(if suffix.typ() == Some(Type::Private) { Names::Customers } else { Names::Anybody })
}

/// Whether `host`, which is below `domain`, belongs to its owner: no public suffix stands between the two. So
/// `sts.amazonaws.com` is of `amazonaws.com`, and `stranger.s3.amazonaws.com` is not.
pub(crate) fn is_of(host: &str, domain: &str) -> bool {
    let suffix = List.suffix(host.as_bytes()).map_or(0, |suffix| suffix.as_bytes().len());
    // The suffix itself is its owner's.
    suffix <= domain.len() || suffix == host.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_a_public_suffix_are_names_of_others() {
        for registry in ["com", "co.uk", "xn--55qx5d.cn", "whatever.ck", "example"] {
            assert_eq!(of_others(registry), Some(Names::Anybody), "{registry}");
        }
        for host in ["github.io", "herokuapp.com", "s3.amazonaws.com", "azurewebsites.net", "web.app"] {
            assert_eq!(of_others(host), Some(Names::Customers), "{host}");
        }
        for own in ["acme.example", "acme.co.uk", "acme.github.io", "myshopify.com", "my.salesforce.com"] {
            assert_eq!(of_others(own), None, "{own}");
        }
    }

    #[test]
    fn a_name_below_a_suffix_in_between_is_a_strangers() {
        for (host, domain) in [
            ("sts.amazonaws.com", "amazonaws.com"),
            ("s3.us-east-1.amazonaws.com", "amazonaws.com"),
            ("a.b.acme.co.uk", "acme.co.uk"),
            ("shop.myshopify.com", "myshopify.com"),
        ] {
            assert!(is_of(host, domain), "{host} {domain}");
        }
        for (host, domain) in [
            ("stranger.s3.us-east-1.amazonaws.com", "amazonaws.com"),
            ("stranger.execute-api.eu-west-1.amazonaws.com", "amazonaws.com"),
            ("stranger.web.core.windows.net", "windows.net"),
        ] {
            assert!(!is_of(host, domain), "{host} {domain}");
        }
    }
}
