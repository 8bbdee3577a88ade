//! The service as it is known: what the settings say and what it publishes, put together.

use std::sync::Arc;

use trunkline_auth::oauth2::{
    AuthorizationCode, Client, ClientAuth, ClientCredentials, DeviceCode, Introspection, PrivateKeyJwt,
    TokenCodec, TokenResponse, id_token_claims,
};
use trunkline_core::url::Url;
use trunkline_core::{Account, Endpoint, Error, ErrorKind};

use crate::account::{self, AccountSource};
use crate::choices::ClientAuthMethod;
use crate::config::OAuth2Config;
use crate::discovery::Metadata;
use crate::words::Words;

/// Everything that is needed to talk to the service.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) authorization_code: Option<AuthorizationCode>,
    pub(crate) device_code: Option<DeviceCode>,
    pub(crate) client_credentials: Option<ClientCredentials>,
    pub(crate) userinfo: Option<Url>,
    pub(crate) introspection: Option<Introspection>,
}

impl Server {
    /// Puts settings and metadata together; a setting counts more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`]: an endpoint is missing or not secure, or the client cannot show who it
    /// is in a way that the service knows.
    pub(crate) fn new(config: &OAuth2Config, metadata: &Metadata) -> Result<Self, Error> {
        let either = |given: &Option<Url>, found: &Option<Url>| given.clone().or_else(|| found.clone());
        let token = either(&config.token_endpoint, &metadata.token_endpoint)
            .ok_or_else(|| invalid("the metadata names no token_endpoint"))?;
        let revocation = either(&config.revocation_endpoint, &metadata.revocation_endpoint);
        let introspection = either(&config.introspection_endpoint, &metadata.introspection_endpoint);
        let userinfo = either(&config.userinfo_endpoint, &metadata.userinfo_endpoint);
        let client = client(config, metadata, &token)?;
        let authorization_code = match &config.redirect_uri {
            None => None,
            Some(redirect_uri) => {
                let authorize = either(&config.authorization_endpoint, &metadata.authorization_endpoint)
                    .ok_or_else(|| invalid("the metadata names no authorization_endpoint"))?;
                Some(code(
                    config,
                    metadata,
                    &client,
                    (authorize, token.clone(), revocation.clone()),
                    redirect_uri,
                )?)
            }
        };
        let device_code = match config.wants_device_code() {
            false => None,
            true => {
                let found = &metadata.device_authorization_endpoint;
                let url = either(&config.device_authorization_endpoint, found)
                    .ok_or_else(|| invalid("the metadata names no device_authorization_endpoint"))?;
                Some(device(config, &client, url, token.clone(), revocation.clone())?)
            }
        };
        let client_credentials = match config.is_public() {
            true => None,
            false => Some(credentials(config, &client, token, revocation)?),
        };
        let introspection = introspection.map(|url| Introspection::new(client, url)).transpose()?;
        let introspection = introspection.map(|it| it.public_only(config.discovers().is_some()));
        let endpoint = Arc::new(endpoint(config, userinfo.as_ref())?);
        Ok(Self { endpoint, authorization_code, device_code, client_credentials, userinfo, introspection })
    }
}

/// Where requests go, with what the settings alone say.
pub(crate) fn endpoint(config: &OAuth2Config, userinfo: Option<&Url>) -> Result<Endpoint, Error> {
    let hosts = config.allowed_hosts.iter().chain(userinfo);
    hosts.fold(Endpoint::new(config.base_url.clone()), |endpoint, url| endpoint?.allow(url))
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

fn client(config: &OAuth2Config, metadata: &Metadata, token: &Url) -> Result<Client, Error> {
    let offered = metadata.token_endpoint_auth_methods_supported.as_deref();
    let offers = |name: &str| offered.is_none_or(|offered| offered.iter().any(|method| method == name));
    let signed = || -> Result<ClientAuth, Error> {
        let key = config.signing_key()?.ok_or_else(|| invalid("private_key is missing"))?;
        // Named here, so that it is the same at the introspection endpoint.
        let audience = config.client_assertion_audience.as_deref().unwrap_or(token.as_str());
        Ok(ClientAuth::PrivateKeyJwt(PrivateKeyJwt::new(key).audience(audience)))
    };
    let auth = match config.token_endpoint_auth_method {
        Some(ClientAuthMethod::ClientSecretBasic) => ClientAuth::Basic,
        Some(ClientAuthMethod::ClientSecretBasicRaw) => ClientAuth::BasicRaw,
        Some(ClientAuthMethod::ClientSecretPost) => ClientAuth::Body,
        Some(ClientAuthMethod::PrivateKeyJwt) => signed()?,
        Some(ClientAuthMethod::None) => ClientAuth::None,
        None if config.private_key.is_some() && !offers("private_key_jwt") => {
            return Err(invalid("the service takes no client that proves itself with a private key"));
        }
        None if config.private_key.is_some() => signed()?,
        None if config.client_secret.is_none() => ClientAuth::None,
        // RFC 8414, 2: where nothing is said, it is basic.
        None if offers("client_secret_basic") => ClientAuth::Basic,
        None if offers("client_secret_post") => ClientAuth::Body,
        None => return Err(invalid("the service takes no client secret, in the body or by HTTP Basic")),
    };
    Ok(Client::new(&config.client_id, config.client_secret.clone()).auth(auth))
}

type Hint = Box<dyn Fn(&TokenResponse) -> Option<Account> + Send + Sync>;

fn hint(config: &OAuth2Config) -> Hint {
    let (user, company) = (config.account_user.clone(), config.account_company.clone());
    let (client_id, issuer) = (config.client_id.clone(), config.issuer.clone());
    match config.account {
        Some(AccountSource::TokenResponse) => {
            Box::new(move |token| account::of(|name| token.member(name), &user, company.as_deref()))
        }
        None | Some(AccountSource::IdToken | AccountSource::Userinfo) => Box::new(move |token| {
            let id_token = token.member("id_token")?;
            let claims = id_token_claims(&id_token, &client_id, issuer.as_deref())?;
            account::of_members(&claims, &user, company.as_deref())
        }),
        Some(AccountSource::Introspection | AccountSource::None) => Box::new(|_| None),
    }
}

fn code(
    config: &OAuth2Config,
    metadata: &Metadata,
    client: &Client,
    (authorize, token, revocation): (Url, Url, Option<Url>),
    redirect_uri: &str,
) -> Result<AuthorizationCode, Error> {
    let words =
        Words { terminal: config.terminal_errors.clone(), transient: config.transient_errors.clone() };
    let mut builder = AuthorizationCode::builder(client.clone(), authorize, token, redirect_uri)
        .scopes(&config.scopes)
        .scope_separator(config.scope_separator)
        .pkce(config.pkce)
        .public_only(config.discovers().is_some())
        .policy(config.policy())
        .codec(TokenCodec::new())
        .judge(move |exchange| words.judge(exchange))
        .account_hint(hint(config));
    for (name, value) in &config.authorization_params {
        builder = builder.authorize_param(name, value);
    }
    for (name, value) in &config.token_params {
        builder = builder.token_param(name, value);
    }
    if let Some(url) = revocation {
        builder = builder.revoke_url(url);
    }
    if let Some(issuer) = &config.issuer {
        let required = config
            .authorization_response_iss_parameter_supported
            .or(metadata.authorization_response_iss_parameter_supported);
        builder = builder.issuer(issuer).require_iss(required.unwrap_or(false));
    }
    builder.build()
}

fn device(
    config: &OAuth2Config,
    client: &Client,
    url: Url,
    token: Url,
    revocation: Option<Url>,
) -> Result<DeviceCode, Error> {
    let words =
        Words { terminal: config.terminal_errors.clone(), transient: config.transient_errors.clone() };
    let mut builder = DeviceCode::builder(client.clone(), url, token)
        .scopes(&config.scopes)
        .scope_separator(config.scope_separator)
        .public_only(config.discovers().is_some())
        .policy(config.policy())
        .judge(move |exchange| words.judge(exchange))
        .account_hint(hint(config));
    for (name, value) in &config.token_params {
        builder = builder.token_param(name, value);
    }
    if let Some(url) = revocation {
        builder = builder.revoke_url(url);
    }
    builder.build()
}

fn credentials(
    config: &OAuth2Config,
    client: &Client,
    token: Url,
    revocation: Option<Url>,
) -> Result<ClientCredentials, Error> {
    let words = Words { terminal: Vec::new(), transient: config.transient_errors.clone() };
    let mut builder = ClientCredentials::builder(client.clone(), token)
        .scopes(&config.scopes)
        .scope_separator(config.scope_separator)
        .policy(config.credentials_policy())
        .public_only(config.discovers().is_some())
        .judge(move |exchange| words.judge(exchange));
    for (name, value) in &config.token_params {
        builder = builder.token_param(name, value);
    }
    if let Some(url) = revocation {
        builder = builder.revoke_url(url);
    }
    builder.build()
}
