//! How a service signs the callback, where it does.

use aws_lc_rs::hmac;
use trunkline_core::url::form_urlencoded;

/// A callback, with the parameter that signs the others: the HMAC-SHA256 by the client's secret, as Shopify has it.
pub(super) fn signed(
    mut pairs: Vec<(String, String)>,
    parameter: &str,
    secret: &str,
) -> Vec<(String, String)> {
    let mut sorted = pairs.clone();
    sorted.sort();
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, text.replace('+', "%20").as_bytes());
    pairs.push((parameter.to_owned(), hex::encode(tag)));
    pairs
}
