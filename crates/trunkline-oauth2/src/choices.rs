//! The settings that are a choice.

use serde::Deserialize;

/// How connections are made unless a record says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantType {
    /// A person approves at the service. Needs `redirect_uri`.
    #[default]
    AuthorizationCode,
    /// A person enters a code at the service, on whatever device (RFC 8628). Needs
    /// `device_authorization_endpoint`, unless it is discovered.
    DeviceCode,
    /// Nobody is asked. Needs `client_secret`.
    ClientCredentials,
}

impl GrantType {
    /// The name under which a record remembers it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The one called `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::AuthorizationCode, Self::DeviceCode, Self::ClientCredentials];
        all.into_iter().find(|one| one.name() == name)
    }
}

/// How the client shows who it is, in the words of RFC 7591.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientAuthMethod {
    /// HTTP Basic, id and secret form-encoded first, as the standard wants it.
    ClientSecretBasic,
    /// HTTP Basic without that encoding, for services that do not decode it.
    ClientSecretBasicRaw,
    /// In the body.
    ClientSecretPost,
    /// A statement that `private_key` signs (RFC 7523, 2.2).
    PrivateKeyJwt,
    /// A public client: no secret.
    None,
}

/// How the client's statements are signed (RFC 7518, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum SigningAlg {
    /// RSA with PKCS #1 v1.5.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA with PSS.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
}

/// What the service does when a refresh token that was already spent comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefreshTokenReuse {
    /// It ends the whole grant. Assumed of services that do not say.
    #[default]
    KillsFamily,
    /// It refuses, and the newest token still serves; also for services that do not rotate.
    RejectSoft,
    /// It accepts the previous token for `refresh_token_grace_s` after it was spent.
    Grace,
}

/// What a revocation ends at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RevocationScope {
    /// That token.
    Token,
    /// The grant it came from.
    #[default]
    Grant,
    /// Every grant of the same account, other connections' too: nothing is revoked while there are others.
    AccountPool,
}
