//! Secrets in clear: a manifest is public, so that it holds none.

use super::sources::looks_secret;

/// Whether a literal under this name can only be a secret.
pub(super) fn names_secret(name: &str) -> bool {
    const NAMES: [&str; 16] = [
        "secret",
        "clientsecret",
        "password",
        "passwd",
        "pwd",
        "apikey",
        "accesstoken",
        "refreshtoken",
        "token",
        "privatekey",
        "authorization",
        "xapikey",
        "apitoken",
        "authtoken",
        "xauthtoken",
        "appsecret",
    ];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    NAMES.contains(&plain.to_ascii_lowercase().as_str())
}

/// Whether a text holds what can only be a secret.
pub(super) fn is_secret(text: &str) -> bool {
    looks_secret(text)
}
