//! Which redirect URIs an application has registered, and the callbacks made from them.

use url::Url;

/// The URI that was sent, if it is one of `registered`: byte for byte, and for an `http://127.0.0.1`
/// entry with any port (RFC 8252, 7.3) where `any_loopback_port` says so.
pub(crate) fn registered(registered: &[String], sent: &str, any_loopback_port: bool) -> Option<Url> {
    let url = Url::parse(sent).ok()?;
    let known = registered
        .iter()
        .any(|entry| entry == sent || (any_loopback_port && same_but_port(entry, &url, sent)));
    known.then_some(url)
}

/// RFC 8252, 7.3: a native application learns its loopback port only when it starts.
fn same_but_port(entry: &str, sent: &Url, sent_text: &str) -> bool {
    let Ok(mut entry) = Url::parse(entry) else { return false };
    let loopback = |url: &Url| url.scheme() == "http" && url.host_str() == Some("127.0.0.1");
    // Only a text that parsing leaves unchanged is compared byte for byte by the equality below.
    loopback(&entry)
        && loopback(sent)
        && sent.as_str() == sent_text
        && entry.set_port(sent.port()).is_ok()
        && entry == *sent
}

/// The callback with these parameters; those without a value are left out.
pub(crate) fn callback(redirect_uri: &Url, parameters: &[(&str, Option<&str>)]) -> Url {
    let mut url = redirect_uri.clone();
    for (name, value) in parameters {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}
