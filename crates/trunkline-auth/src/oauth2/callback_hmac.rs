//! Callbacks that a service signs with the client's secret, as Shopify does.

use aws_lc_rs::hmac;
use form_urlencoded::byte_serialize;
use trunkline_core::{Callback, Secret};
use zeroize::Zeroizing;

/// Whether the parameter `name` is the HMAC-SHA256 of all others by `secret`, in hexadecimal digits: they are sorted by
/// name and form-encoded, a blank as `%20`. Compared in constant time.
pub(super) fn is_signed(callback: &Callback, name: &str, secret: &Secret) -> bool {
    let given = callback.get(name).and_then(|given| hex::decode(given.expose()).ok());
    let Some(given) = given else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, signed(callback, name).as_bytes(), &given).is_ok()
}

/// What is signed; the code stands in it.
fn signed(callback: &Callback, name: &str) -> Zeroizing<String> {
    let others = || callback.iter().filter(|(known, _)| *known != name);
    // Sized once: a text that grows leaves copies behind.
    let size = others().map(|(known, value)| 3 * (known.len() + value.expose().len()) + 2).sum();
    let mut text = Zeroizing::new(String::with_capacity(size));
    for (known, value) in others() {
        if !text.is_empty() {
            text.push('&');
        }
        encode(&mut text, known);
        text.push('=');
        encode(&mut text, value.expose());
    }
    text
}

fn encode(text: &mut String, value: &str) {
    text.extend(byte_serialize(value.as_bytes()).map(|piece| if piece == "+" { "%20" } else { piece }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What public documentation of Shopify's callbacks gives as an example: <https://hexdocs.pm/shopify_oauth>.
    const SIGNED: &str = "code=0907a61c0c8d55e99db179b68161bc00&shop=some-shop.myshopify.com&\
        state=0.6784241404160823&timestamp=1337178173";
    const HMAC: &str = "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf";

    fn is_by(query: &str, secret: &str) -> bool {
        is_signed(&Callback::from_query(query).unwrap(), "hmac", &Secret::new(secret))
    }

    #[test]
    fn a_callback_is_signed_over_all_its_other_parameters() {
        assert!(is_by(&format!("{SIGNED}&hmac={HMAC}"), "hush"));
        assert!(is_by(&format!("hmac={}&{SIGNED}", HMAC.to_uppercase()), "hush"), "in any order");
        assert!(!is_by(&format!("{SIGNED}&hmac={HMAC}"), "another"));
        assert!(!is_by(&format!("{SIGNED}&hmac={HMAC}&host=x"), "hush"), "one more");
        assert!(!is_by(&format!("{SIGNED}1&hmac={HMAC}"), "hush"), "another value");
        assert!(!is_by(SIGNED, "hush"), "none");
        for odd in ["", "7", "70", &HMAC[2..], "zz", "7\u{e4}", &format!("{HMAC}00")] {
            assert!(!is_by(&format!("{SIGNED}&hmac={odd}"), "hush"), "{odd}");
        }
    }

    #[test]
    fn what_is_signed_is_encoded_as_a_form_is() {
        let callback = Callback::from_query("z=a+b%26c%3D&a=%C3%A4*-._&hmac=00").unwrap();
        assert_eq!(*signed(&callback, "hmac"), "a=%C3%A4*-._&z=a%20b%26c%3D");
    }
}
