//! Collects and checks the settings of a device authorization grant.

use http::Method;
use trunkline_core::{Account, Diagnosis, Error, ErrorKind, Exchange, RefreshPolicy, ScopeSet};
use url::Url;

use super::builder::token_endpoint_setters;
use super::codec::TokenCodec;
use super::device_code::DeviceCode;
use super::request::{TokenEncoding, repeated};
use super::response::TokenResponse;
use super::token_endpoint::{TokenEndpoint, check_grant_type, check_url};

/// Collects the settings of a [`DeviceCode`].
#[derive(Debug, Clone)]
pub struct DeviceCodeBuilder {
    pub(super) endpoint: TokenEndpoint,
    pub(super) device_url: Url,
    pub(super) scopes: ScopeSet,
    pub(super) scope_separator: char,
    pub(super) device_params: Vec<(String, String)>,
    pub(super) grant_type: String,
}

impl DeviceCodeBuilder {
    token_endpoint_setters!();

    /// Where renewals are sent, if not to the token URL.
    #[must_use]
    pub fn refresh_url(mut self, url: Url) -> Self {
        self.endpoint.refresh_url = Some(url);
        self
    }

    /// Sends a parameter with the question for the codes; the client and the scopes cannot be set.
    #[must_use]
    pub fn device_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.device_params.push((name.into(), value.into()));
        self
    }

    /// The service's own name for the grant. Default [`DEVICE_CODE_GRANT`](super::DEVICE_CODE_GRANT).
    #[must_use]
    pub fn grant_type(mut self, grant_type: impl Into<String>) -> Self {
        self.grant_type = grant_type.into();
        self
    }

    /// Checks all settings together.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::ConfigInvalid`], as for
    /// [`AuthorizationCodeBuilder::build`](super::AuthorizationCodeBuilder::build), and a word that means another grant.
    pub fn build(self) -> Result<DeviceCode, Error> {
        let mut endpoint = self.endpoint;
        endpoint.codec.scope_separator.get_or_insert(self.scope_separator);
        endpoint.check()?;
        check_url(&self.device_url)?;
        check_grant_type(&self.grant_type)?;
        let ours = ["client_id", "client_secret", "scope"].map(|name| endpoint.renamed(name));
        let params = self.device_params.iter().map(|(name, _)| endpoint.renamed(name));
        if let Some(name) = repeated(ours.into_iter().chain(params)) {
            let message = format!("the parameter `{name}` would be sent twice with the question for a code");
            return Err(Error::new(ErrorKind::ConfigInvalid, message));
        }
        Ok(DeviceCode {
            endpoint,
            device_url: self.device_url,
            scopes: self.scopes,
            scope_separator: self.scope_separator,
            device_params: self.device_params,
            grant_type: self.grant_type,
        })
    }
}
