//! The settings of a connector that is written as data.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use trunkline_auth::jwt::SigningKey;
use trunkline_core::{
    BuildConnector, Connector, ConnectorInfo, Error, ErrorKind, Secret, nearest, printable,
};

use crate::catalogue::Catalogue;
use crate::connector::ManifestConnector;
use crate::folder::Folder;
use crate::format::{AuthMethod, Format, GivenBy, Method};
use crate::manifest::Manifest;
use crate::provider::signing_key;
use crate::reload::Reload;

/// Settings of the connector (`provider = "manifest"`). `Debug` shows no secret.
///
/// ```toml
/// [connectors.github]
/// provider = "manifest"
/// name = "github"                                    # of the catalogue; or file = "manifests/acme.toml"
/// client_id = "Iv1.0123456789abcdef"
/// client_secret = { env = "GITHUB_CLIENT_SECRET" }
/// redirect_uri = "https://app.example.com/connect/github"
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ManifestConfig {
    /// The manifest of the [built-in catalogue](Catalogue::builtin). This or `file` is needed.
    #[serde(default)]
    pub name: Option<String>,
    /// The manifest's file. What it extends is looked for beside it.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// A manifest that was read before.
    #[serde(skip)]
    pub manifest: Option<Arc<Manifest>>,
    /// Replaces the manifest while the program runs.
    #[serde(skip)]
    pub reload: Option<Reload>,
    /// Client id of the application at the service, for OAuth 2 and OAuth 1.0a (there it is the consumer key).
    #[serde(default)]
    pub client_id: Option<String>,
    /// Its secret. Without one it is a public client, or one with a key.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// Its private key as PEM, where the manifest wants `private_key_jwt`: unencrypted; RSA of 2048 bits or more, or
    /// P-256.
    #[serde(default)]
    pub private_key: Option<Secret>,
    /// The id by which the service knows the key (`kid`), if it knows several.
    #[serde(default)]
    pub key_id: Option<String>,
    /// Where the service sends the browser after consent, sent byte for byte.
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// Scopes to ask for beyond the manifest's.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// How connections are made unless a record says otherwise. Default: as the manifest says.
    #[serde(default)]
    pub default_method: Option<String>,
    /// Whether connections can be made by `device_code`, where the manifest has it. Default: only where it is the
    /// `default_method`. A stranger can show such a code to a person as well as the application can (RFC 8628,
    /// 5.4), so it is never there unasked.
    #[serde(default)]
    pub device_code: bool,
    /// The inputs that the manifest wants from the operator, by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, Secret>,
}

impl ManifestConfig {
    /// Settings for a manifest that was read before, with nothing else.
    #[must_use]
    pub fn new(manifest: Arc<Manifest>) -> Self {
        Self { manifest: Some(manifest), ..Self::default() }
    }

    fn manifest(&self) -> Result<Arc<Manifest>, Error> {
        match (&self.manifest, &self.name, &self.file) {
            (Some(manifest), None, None) => Ok(Arc::clone(manifest)),
            (None, Some(name), None) => Catalogue::builtin().find(name),
            (None, None, Some(file)) => Ok(Folder::load_one(file)?),
            (None, None, None) => {
                Err(invalid("`name` or `file` says which manifest it is, and both are missing"))
            }
            _ => Err(invalid("a connector has one manifest: `name` or `file`, not both")),
        }
    }

    /// The client's private key, tried.
    fn signing_key(&self, format: &Format) -> Result<Option<SigningKey>, Error> {
        let oauth2 = format.oauth2.as_ref().filter(|it| {
            it.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt && it.client_id_input.is_none()
        });
        match (&self.private_key, oauth2) {
            (Some(_), None) => Err(invalid("the manifest wants no private_key")),
            (None, _) if self.key_id.is_some() => Err(invalid("key_id needs private_key")),
            (None, _) => Ok(None),
            (Some(_), Some(_)) if self.client_secret.is_some() => {
                Err(invalid("a client has a client_secret or a private_key, not both"))
            }
            (Some(pem), Some(oauth2)) => {
                let key = signing_key(pem, oauth2)?;
                Ok(Some(self.key_id.iter().fold(key, |key, key_id| key.key_id(key_id))))
            }
        }
    }

    /// The settings as the manifest needs them.
    pub(crate) fn resolve(&self, format: &Format) -> Result<Operator, Error> {
        let method = match &self.default_method {
            None => None,
            Some(name) => {
                let names: Vec<_> = format.methods().into_iter().map(Method::name).collect();
                let method = Method::named(name).filter(|method| format.methods().contains(method));
                Some(method.ok_or_else(|| {
                    invalid("the manifest has no such `default_method`")
                        .hint(format!("It has: {}.", names.join(", ")))
                })?)
            }
        };
        if self.device_code && !format.methods().contains(&Method::DeviceCode) {
            let names: Vec<_> = format.methods().into_iter().map(Method::name).collect();
            return Err(
                invalid("the manifest has no `device_code`").hint(format!("It has: {}.", names.join(", ")))
            );
        }
        for name in self.inputs.keys() {
            let known = format.inputs.iter().filter(|(_, input)| input.given_by == GivenBy::Operator);
            let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
            if !known.contains(&name.as_str()) {
                let near = nearest(name, known.iter().copied());
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                let message =
                    format!("`inputs.{}` is no input that the operator gives{near}", printable(name));
                return Err(Error::new(ErrorKind::ConfigInvalid, message));
            }
        }
        for (name, input) in format.inputs.iter().filter(|(_, input)| input.given_by == GivenBy::Operator) {
            match self.inputs.get(name) {
                Some(value) if !value.is_empty() && crate::values::accepts(input, value.expose()) => {}
                Some(_) => {
                    return Err(Error::new(
                        ErrorKind::ConfigInvalid,
                        format!("`inputs.{name}` is no good value"),
                    )
                    .hint(format!("It looks like {}.", *input.example)));
                }
                None if input.may_lack() => {}
                None => {
                    return Err(Error::new(ErrorKind::ConfigInvalid, format!("`inputs.{name}` is missing"))
                        .hint(format!("{}, such as {}.", *input.title, *input.example)));
                }
            }
        }
        for (key, value) in [
            ("client_id", self.client_id.as_deref()),
            ("client_secret", self.client_secret.as_ref().map(Secret::expose)),
            ("key_id", self.key_id.as_deref()),
        ] {
            // What pasting adds. The value is not quoted.
            if value.is_some_and(|value| {
                value.trim() != value || value.is_empty() || value.chars().any(char::is_control)
            }) {
                return Err(Error::new(
                    ErrorKind::ConfigInvalid,
                    format!("{key} is empty, begins or ends with a blank, or holds a control character"),
                ));
            }
        }
        let operator = Operator {
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            key: self.signing_key(format)?,
            redirect_uri: self.redirect_uri.clone(),
            scopes: self.scopes.clone(),
            method,
            device_code: self.device_code || method == Some(Method::DeviceCode),
            inputs: self.inputs.clone(),
        };
        operator.check(format)?;
        Ok(operator)
    }
}

/// What the operator gives, checked against the manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operator {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) key: Option<SigningKey>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) method: Option<Method>,
    pub(crate) device_code: bool,
    pub(crate) inputs: BTreeMap<String, Secret>,
}

impl Operator {
    fn check(&self, format: &Format) -> Result<(), Error> {
        let default = self.method.or_else(|| format.default_method.as_deref().copied());
        let method = default.or_else(|| format.methods().first().copied());
        if let Some(lack) = method.and_then(|method| self.lack_for_oauth1(format, method)) {
            return Err(invalid(lack));
        }
        let Some(oauth2) = &format.oauth2 else { return Ok(()) };
        let is_own_client = oauth2.client_id_input.is_none();
        match method {
            Some(Method::DeviceCode) if !self.device_code => {
                Err(invalid("the manifest's own way is `device_code`, which has to be asked for")
                    .hint("Set `device_code = true`, if people are to be shown codes by this application."))
            }
            Some(Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials)
                if is_own_client && self.client_id.is_none() =>
            {
                Err(invalid("client_id is missing"))
            }
            Some(Method::AuthorizationCode) if self.redirect_uri.is_none() => {
                Err(invalid("redirect_uri is missing"))
            }
            Some(Method::AuthorizationCode | Method::ClientCredentials) if is_own_client => {
                match oauth2.token_endpoint_auth_method {
                    AuthMethod::None => Ok(()),
                    AuthMethod::PrivateKeyJwt if self.key.is_none() => Err(invalid("private_key is missing")),
                    AuthMethod::PrivateKeyJwt => Ok(()),
                    _ if self.client_secret.is_none() => Err(invalid("client_secret is missing")),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether connections can be made this way.
    pub(crate) fn allows(&self, format: &Format, method: Method) -> bool {
        if !format.methods().contains(&method) {
            return false;
        }
        if method.signs() {
            return self.lack_for_oauth1(format, method).is_none();
        }
        let Some(oauth2) = &format.oauth2 else { return true };
        let has_client = self.client_id.is_some() || oauth2.client_id_input.is_some();
        match method {
            Method::AuthorizationCode => has_client && self.redirect_uri.is_some(),
            Method::DeviceCode => has_client && self.device_code,
            Method::ClientCredentials => has_client,
            Method::ApiKey | Method::Basic | Method::SessionLogin | Method::JwtBearer => true,
            Method::OAuth1 | Method::OAuth1Token => false,
        }
    }

    /// What is missing for a way of OAuth 1.0a.
    fn lack_for_oauth1(&self, format: &Format, method: Method) -> Option<&'static str> {
        let is_customers = format.oauth1_token.as_ref().is_some_and(|it| it.client_id_input.is_some());
        let needs_client = method == Method::OAuth1 || (method == Method::OAuth1Token && !is_customers);
        match () {
            () if needs_client && self.client_id.is_none() => Some("client_id is missing"),
            () if needs_client && self.client_secret.is_none() => Some("client_secret is missing"),
            () if method == Method::OAuth1 && self.redirect_uri.is_none() => Some("redirect_uri is missing"),
            () => None,
        }
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

impl BuildConnector for ManifestConfig {
    const INFO: ConnectorInfo = ConnectorInfo {
        title: "Manifest",
        docs: "https://toml.io/en/v1.1.0",
        methods: &[
            "authorization_code",
            "device_code",
            "client_credentials",
            "api_key",
            "basic",
            "session_login",
            "jwt_bearer",
            "oauth1",
            "oauth1_token",
        ],
    };

    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        let manifest = self.manifest()?;
        let connector = ManifestConnector::new(manifest, self)?;
        Ok(match &self.reload {
            Some(reload) => reload.mount(self, connector),
            None => Arc::new(connector),
        })
    }
}

trunkline_core::register_connector!("manifest", ManifestConfig);
