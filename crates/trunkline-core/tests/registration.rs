//! `register_connector!`: what one line makes known, and to whom.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::settings::{self, Value};
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorConfig, ConnectorInfo,
    Cx, Diagnosis, Endpoint, Error, ErrorKind, Exchange, Grant, Registry, Session, async_trait,
    register_connector, url::Url,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcmeConfig {
    base_url: Url,
}

impl BuildConnector for AcmeConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Acme", docs: "https://docs.acme.example", methods: &["api_key"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        Ok(Arc::new(Acme(Arc::new(Endpoint::new(self.base_url.clone())?))))
    }

    fn diagnose(exchange: &Exchange<'_>, method: Option<&str>) -> Option<Diagnosis> {
        (exchange.body == b"dead").then(|| Diagnosis::new(Cause::GrantRevoked).code(method.unwrap_or("-")))
    }
}

register_connector!("acme", AcmeConfig);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZenithConfig {}

impl BuildConnector for ZenithConfig {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Zenith", docs: "", methods: &[] };

    fn build(&self, name: &str) -> Result<Arc<dyn Connector>, Error> {
        Err(Error::new(ErrorKind::ConfigInvalid, format!("`{name}` is closed")))
    }
}

// Two in one crate, so that the macro's parts do not clash.
register_connector!("zenith", ZenithConfig);

#[derive(Debug)]
struct Acme(Arc<Endpoint>);

#[async_trait]
impl Connector for Acme {
    fn info(&self) -> &'static ConnectorInfo {
        &AcmeConfig::INFO
    }

    fn auth(&self, _: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        None
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(Arc::clone(&self.0))
    }

    async fn identify(&self, _: &Cx, _: &Session, _: &Grant) -> Result<Account, Error> {
        Ok(Account::default())
    }

    fn diagnose(&self, _: &Exchange<'_>) -> Option<Diagnosis> {
        None
    }
}

#[test]
fn a_registered_provider_is_listed_with_its_facts_and_its_crate() {
    let registry = Registry::global();

    let names: Vec<_> = registry.list().iter().map(|registration| registration.name).collect();
    assert_eq!(names, ["acme", "zenith"]);
    let acme = registry.find("acme").unwrap();
    assert_eq!(acme.info, AcmeConfig::INFO);
    assert_eq!(acme.crate_name, env!("CARGO_PKG_NAME"));
    assert!(registry.check().is_ok());
}

#[test]
fn settings_build_the_connector_of_the_provider_they_name() {
    let settings = [("provider", "acme"), ("base_url", "https://api.acme.example/v1/")];
    let settings = settings.map(|(key, text)| (key.to_owned(), Value::text(text))).into();
    let connector = settings::read(settings).unwrap().build("acme_eu").unwrap();

    assert_eq!(connector.info().title, "Acme");
    let endpoint = connector.endpoint(&Captures::default()).unwrap();
    assert_eq!(endpoint.base().as_str(), "https://api.acme.example/v1");
}

#[test]
fn settings_that_do_not_fit_together_are_refused_when_the_connector_is_built() {
    let settings = [("provider", "acme"), ("base_url", "http://api.acme.example")];
    let settings = settings.map(|(key, text)| (key.to_owned(), Value::text(text))).into();
    let error = settings::read(settings).unwrap().build("acme_eu").unwrap_err();

    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}

#[test]
fn other_formats_read_the_same_tag() {
    let config: Box<dyn ConnectorConfig> = serde_json::from_str(r#"{"provider":"zenith"}"#).unwrap();

    assert_eq!(config.build("zenith").unwrap_err().to_string(), "`zenith` is closed");
}

#[test]
fn an_unknown_provider_is_answered_with_the_linked_ones() {
    let error = Registry::global().find("zenit").unwrap_err();

    assert_eq!(error.kind(), ErrorKind::UnknownProvider);
    let hint = error.hint_text().unwrap_or_default();
    assert!(hint.contains("Did you mean `zenith`?") && hint.contains("acme, zenith"), "{hint}");
}

#[test]
fn an_answer_is_judged_without_settings_by_those_providers_that_can() {
    let judge = |name: &str, body: &[u8], method| {
        let (call, status, headers) = (Call::Api, StatusCode::BAD_REQUEST, HeaderMap::new());
        let exchange = Exchange { call, method: &Method::GET, path: "/", status, headers: &headers, body };
        (Registry::global().get(name).unwrap().diagnose)(&exchange, method)
    };
    let diagnosis = judge("acme", b"dead", Some("api_key")).unwrap();
    assert_eq!((diagnosis.cause(), diagnosis.evidence().codes[0].as_str()), (Cause::GrantRevoked, "api_key"));
    assert_eq!(judge("acme", b"alive", None), None);
    assert_eq!(judge("zenith", b"dead", None), None);
}
