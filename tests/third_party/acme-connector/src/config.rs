//! The settings of the connector.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_core::url::Url;
use trunkline_core::{BuildConnector, Connector, ConnectorInfo, Endpoint, Error};

use crate::{Acme, ApiKey};

/// Settings for Acme (`provider = "acme"`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeConfig {
    /// Where the customer's Acme answers.
    pub base_url: Url,
}

impl BuildConnector for AcmeConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Acme", docs: "https://docs.acme.example", methods: &[ApiKey::METHOD] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let endpoint = Endpoint::new(self.base_url.clone())?;
        Ok(Arc::new(Acme::new(endpoint)))
    }
}
