//! The settings of the connector, and the one place where they are checked together.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_core::url::Url;
use trunkline_core::{
    BuildConnector, Connector, ConnectorInfo, Diagnosis, Error, ErrorKind, Exchange, Secret, is_secure,
};

use crate::connector::SageIntacct;
use crate::diagnose::diagnose;
use crate::entity::Entity;

/// How connections are made unless a record says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantMethod {
    /// A person signs in at Sage and presses Accept. Needs `redirect_uri`.
    #[default]
    AuthorizationCode,
    /// Nobody is asked; the input `username` names a Web Services user.
    ClientCredentials,
}

impl GrantMethod {
    /// The name under which a record remembers it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The method called `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::AuthorizationCode, Self::ClientCredentials].into_iter().find(|method| method.name() == name)
    }
}

/// Settings of the connector (`provider = "sage_intacct"`). `Debug` shows no secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SageIntacctConfig {
    /// Client id of the application, from the Sage developer console (`<20 hex>.app.sage.com`).
    pub client_id: String,
    /// Client secret of the application. A blank around it is refused: Sage answers a pasted one with
    /// `invalid_client`.
    pub client_secret: Secret,
    /// Where Sage sends the browser after consent; https, or http on loopback. Sent byte for byte, as
    /// Sage compares it with the registered one. Without it there is no `authorization_code`.
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// Where Sage's gateway is; https, or http on loopback. Default `https://api.intacct.com`.
    #[serde(default = "default_base_url")]
    pub base_url: Url,
    /// How connections are made. Default `authorization_code`.
    #[serde(default)]
    pub grant: GrantMethod,
    /// The entity that connections work in unless one of them, or a request, names another. Default:
    /// the entity of the token, usually the top level.
    #[serde(default)]
    pub entity: Option<String>,
    /// Seconds that an access token is taken to live when the answer has no `expires_in` and the
    /// token no `exp`. Default 21600 (6 h), the shortest that has been reported.
    #[serde(default = "default_lifetime_s")]
    pub default_lifetime_s: u32,
    /// Seconds that a refresh token is taken to live if it is not used: a grant that nobody uses is renewed
    /// well before. Sage states no such limit; the default of 2592000 (30 days) is a precaution. 0 leaves
    /// unused grants alone.
    #[serde(default = "refresh_idle_limit_s")]
    pub refresh_idle_limit_s: u32,
}

fn default_base_url() -> Url {
    Url::parse("https://api.intacct.com").expect("a constant URL parses")
}

const fn default_lifetime_s() -> u32 {
    21_600
}

const fn refresh_idle_limit_s() -> u32 {
    30 * 24 * 60 * 60
}

impl SageIntacctConfig {
    /// Settings with the defaults.
    #[must_use]
    pub fn new(client_id: impl Into<String>, client_secret: Secret) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret,
            redirect_uri: None,
            base_url: default_base_url(),
            grant: GrantMethod::default(),
            entity: None,
            default_lifetime_s: default_lifetime_s(),
            refresh_idle_limit_s: refresh_idle_limit_s(),
        }
    }

    /// Sets where Sage sends the browser after consent.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Sets where Sage's gateway is.
    #[must_use]
    pub fn base_url(mut self, url: Url) -> Self {
        self.base_url = url;
        self
    }

    /// Sets how connections are made.
    #[must_use]
    pub fn grant(mut self, method: GrantMethod) -> Self {
        self.grant = method;
        self
    }

    /// Sets the entity that connections work in by default.
    #[must_use]
    pub fn entity(mut self, entity: impl Into<String>) -> Self {
        self.entity = Some(entity.into());
        self
    }

    /// Everything that the endpoint does not check by itself.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_text("client_id", &self.client_id)?;
        check_text("client_secret", self.client_secret.expose())?;
        if let Some(entity) = &self.entity {
            Entity::parse(entity).map_err(|_| invalid("entity is not an entity id"))?;
        }
        if self.default_lifetime_s == 0 {
            return Err(invalid("default_lifetime_s must be at least 1"));
        }
        match &self.redirect_uri {
            Some(uri) => check_redirect(uri),
            None if self.grant == GrantMethod::AuthorizationCode => Err(invalid("redirect_uri is missing")
                .hint(
                    "Set `redirect_uri` to one that is registered for the application, or \
                     `grant = \"client_credentials\"`.",
                )),
            None => Ok(()),
        }
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

/// Refuses what pasting adds: a blank or a line break at either end. The value is not quoted.
fn check_text(key: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() {
        return Err(invalid(format!("{key} is empty")));
    }
    if value.trim() != value {
        return Err(invalid(format!("{key} begins or ends with a blank or a line break"))
            .hint("Sage answers such a value with `invalid_client`. Paste it again without the blank."));
    }
    if value.chars().any(char::is_control) {
        return Err(invalid(format!("{key} holds a control character")));
    }
    Ok(())
}

fn check_redirect(uri: &str) -> Result<(), Error> {
    check_text("redirect_uri", uri)?;
    let secure = Url::parse(uri).is_ok_and(|url| is_secure(&url) && url.fragment().is_none());
    if secure {
        Ok(())
    } else {
        Err(invalid("redirect_uri must be an https URL without a fragment (plain http is for loopback only)"))
    }
}

impl BuildConnector for SageIntacctConfig {
    const INFO: ConnectorInfo = ConnectorInfo {
        title: "Sage Intacct",
        docs: "https://developer.sage.com/intacct/docs/1/sage-intacct-rest-api/authorization-and-security/oauth2",
        methods: &["authorization_code", "client_credentials"],
    };

    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        Ok(Arc::new(SageIntacct::new(self)?))
    }

    fn diagnose(exchange: &Exchange<'_>, method: Option<&str>) -> Option<Diagnosis> {
        diagnose(exchange, method.and_then(GrantMethod::named))
    }
}

trunkline_core::register_connector!("sage_intacct", SageIntacctConfig);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use trunkline_core::Registry;
    use trunkline_core::settings::{self, Problem, Value};

    use super::*;

    fn config() -> SageIntacctConfig {
        SageIntacctConfig::new("0a1b.app.sage.com", Secret::new("s3cr3t"))
            .redirect_uri("https://app.example.com/connect/callback")
    }

    fn table(entries: &[(&str, &str)]) -> BTreeMap<String, Value> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), Value::text(*value))).collect()
    }

    #[test]
    fn the_provider_is_registered_and_built_from_its_settings() {
        assert_eq!(Registry::global().get("sage_intacct").unwrap().info.title, "Sage Intacct");
        let read = settings::read(table(&[
            ("provider", "sage_intacct"),
            ("client_id", "0a1b.app.sage.com"),
            ("client_secret", "s3cr3t"),
            ("redirect_uri", "https://app.example.com/connect/callback"),
        ]));
        let printed = format!("{read:?}");
        assert!(printed.contains("0a1b") && !printed.contains("s3cr3t"), "{printed}");
        assert_eq!(read.unwrap().build("sage_intacct").unwrap().info().title, "Sage Intacct");
    }

    #[test]
    fn every_documented_setting_is_read() {
        let mut settings = table(&[
            ("provider", "sage_intacct"),
            ("client_id", "0a1b2c3d4e5f60718293.app.sage.com"),
            ("client_secret", "s3cr3t"),
            ("redirect_uri", "https://app.example.com/connect/callback"),
            ("base_url", "https://api.intacct.com"),
            ("grant", "client_credentials"),
            ("entity", "E100"),
        ]);
        settings.insert("default_lifetime_s".to_owned(), Value::Integer(21_600));
        settings.insert("refresh_idle_limit_s".to_owned(), Value::Integer(2_592_000));
        let connector = settings::read(settings).unwrap().build("sage_intacct").unwrap();
        assert_eq!(connector.auth(None).unwrap().method(), "client_credentials");
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_nearest_name() {
        let error =
            settings::read(table(&[("provider", "sage_intacct"), ("client_secrt", "x")])).unwrap_err();
        assert_eq!(error.problem, Problem::Unknown { nearest: Some("client_secret".to_owned()) });
    }

    #[test]
    fn a_secret_or_id_with_a_pasted_blank_is_refused_without_quoting_it() {
        for bad in ["s3cr3t ", " s3cr3t", "s3cr3t\n", "s3cr3t\r\n", "\ts3cr3t", "s3\u{0}cr3t", ""] {
            let secret = SageIntacctConfig { client_secret: Secret::new(bad), ..config() };
            let id = SageIntacctConfig { client_id: bad.to_owned(), ..config() };
            for error in [secret.check().unwrap_err(), id.check().unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{bad:?}");
                assert!(!format!("{error:?}").contains("cr3t"), "{error:?}");
            }
        }
        assert!(config().check().is_ok());
    }

    #[test]
    fn a_base_url_is_https_or_loopback_and_nothing_else() {
        for good in ["https://api.intacct.com", "http://127.0.0.1:8080/", "http://[::1]:1"] {
            assert!(config().base_url(good.parse().unwrap()).build("x").is_ok(), "{good}");
        }
        for bad in
            ["http://api.intacct.com", "http://127.0.0.1.evil.test", "ftp://127.0.0.1", "https://u:p@x.test"]
        {
            let error = config().base_url(bad.parse().unwrap()).build("x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{bad}");
        }
    }

    #[test]
    fn a_redirect_uri_is_needed_for_consent_and_only_there() {
        let without = SageIntacctConfig { redirect_uri: None, ..config() };
        assert_eq!(without.check().unwrap_err().kind(), ErrorKind::ConfigInvalid);
        assert!(without.grant(GrantMethod::ClientCredentials).check().is_ok());
        for bad in ["http://app.example.com/cb", "https://app.example.com/cb#x", "/cb", "https://x.test/ "] {
            assert!(config().redirect_uri(bad).check().is_err(), "{bad}");
        }
    }
}
