//! What is signed (RFC 5849, 3.4.1), and how it is encoded (3.6).

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use url::Url;
use zeroize::Zeroizing;

/// A parameter, decoded: bytes, since a query need not be UTF-8.
pub(super) type Param = (Vec<u8>, Vec<u8>);

/// All but the unreserved characters (3.6).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes, with upper-case digits (3.6).
pub(super) fn encode(bytes: &[u8]) -> String {
    // Sized once: what is encoded may be a secret, and a text that grows leaves copies behind.
    let mut out = String::with_capacity(bytes.len() * 3);
    out.extend(percent_encode(bytes, RESERVED));
    out
}

/// The parameters of a query or of a form, in their order; repeated ones stay.
pub(super) fn form(text: &[u8]) -> impl Iterator<Item = Param> {
    text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        (decode(name), decode(value))
    })
}

fn decode(text: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&Zeroizing::new(text)).collect()
}

/// The signature base string of a request with these parameters besides those of the URL. A form may hold secrets.
pub(super) fn base_string(method: &Method, url: &Url, params: &[Param]) -> Zeroizing<String> {
    let query = form(url.query().unwrap_or_default().as_bytes());
    let all = query.chain(params.iter().cloned());
    let mut pairs: Vec<(String, String)> = all.map(|(name, value)| (encode(&name), encode(&value))).collect();
    // By the encoded name, then by the encoded value (3.4.1.3.2).
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let pairs = Zeroizing::new(pairs.join("&"));
    // The default port is left out of a URL, its host is in lower case, and so are both here (3.4.1.2).
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let place = format!("{}://{host}{port}{}", url.scheme(), url.path());
    let method = method.as_str().to_ascii_uppercase();
    Zeroizing::new([method, encode(place.as_bytes()), encode(pairs.as_bytes())].join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(given: &[(&str, &str)]) -> Vec<Param> {
        given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    /// RFC 5849, 3.4.1.1: every oddity in one request, repeated and empty parameters among them.
    #[test]
    fn the_base_string_is_that_of_the_standards_example() {
        let url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b".parse().unwrap();
        let mut all = params(&[
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ]);
        all.extend(form(b"c2&a3=2+q"));
        assert_eq!(
            *base_string(&Method::POST, &url, &all),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26\
             c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26\
             oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    /// RFC 5849, 3.4.1.2: the second example of a base string URI.
    #[test]
    fn a_port_counts_unless_it_is_the_usual_one() {
        let place = |url: &str| base_string(&Method::GET, &url.parse().unwrap(), &[]).to_string();
        assert_eq!(
            place("https://www.example.net:8080/?q=1"),
            "GET&https%3A%2F%2Fwww.example.net%3A8080%2F&q%3D1"
        );
        assert_eq!(place("https://www.example.net:443/"), "GET&https%3A%2F%2Fwww.example.net%2F&");
        assert_eq!(
            place("https://[2001:DB8::1]/a%20b"),
            "GET&https%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D%2Fa%2520b&"
        );
    }

    #[test]
    fn what_is_not_unreserved_is_encoded_in_upper_case() {
        assert_eq!(encode("Ladies + Gentlemen".as_bytes()), "Ladies%20%2B%20Gentlemen");
        assert_eq!(encode("-._~aZ9!*'()☃".as_bytes()), "-._~aZ9%21%2A%27%28%29%E2%98%83");
    }

    #[test]
    fn a_form_is_read_byte_for_byte() {
        let read = |text: &str| form(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(read("a=1&&b&=c&a=%3d+%2B"), params(&[("a", "1"), ("b", ""), ("", "c"), ("a", "= +")]));
        // Neither UTF-8 nor an escape: it is signed as the service reads it.
        assert_eq!(
            read("a=%E9&b=%zz&c=%4"),
            [(b"a".to_vec(), vec![0xE9]), (b"b".to_vec(), b"%zz".to_vec()), (b"c".to_vec(), b"%4".to_vec()),]
        );
    }

    #[test]
    fn parameters_are_sorted_by_name_and_then_by_value_as_they_are_encoded() {
        let url = "https://a.example/?b=2&b=%C3%A9&b=10&%C3%A9=1&a-b=1&a=1".parse().unwrap();
        let signed = base_string(&Method::GET, &url, &[]).to_string();
        assert!(
            signed.ends_with("&%25C3%25A9%3D1%26a%3D1%26a-b%3D1%26b%3D%25C3%25A9%26b%3D10%26b%3D2"),
            "{signed}"
        );
    }
}
