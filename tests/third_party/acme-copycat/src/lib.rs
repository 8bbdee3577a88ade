//! Registers a name that another crate registers too.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_core::{BuildConnector, Connector, ConnectorInfo, Error, ErrorKind};

/// Settings that are never read: a program with both crates does not start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopycatConfig {}

impl BuildConnector for CopycatConfig {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Acme, too", docs: "", methods: &[] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        Err(Error::new(ErrorKind::Unsupported, "this connector exists for its name alone"))
    }
}

trunkline_core::register_connector!("acme", CopycatConfig);
