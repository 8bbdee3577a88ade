//! `trunkline connectors`: what is linked, and what is configured.

use serde::Serialize;
use trunkline_core::{ConnectorInfo, Registry};

use crate::arguments::ConnectorsArguments;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::session;
use crate::table::{self, Cell};

#[derive(Serialize)]
struct Provider {
    name: &'static str,
    title: &'static str,
    docs: &'static str,
    methods: &'static [&'static str],
}

#[derive(Serialize)]
struct Configured {
    name: String,
    title: &'static str,
    docs: &'static str,
    /// Those that the settings allow, the default first.
    methods: Vec<&'static str>,
}

#[derive(Serialize)]
struct Listing {
    providers: Vec<Provider>,
    configured: Vec<Configured>,
}

pub(crate) fn run(arguments: &ConnectorsArguments, output: &mut Output) -> Result<Exit, Failure> {
    Registry::global().check()?;
    let providers = Registry::global().list().into_iter().map(|registration| {
        let ConnectorInfo { title, docs, methods } = registration.info;
        Provider { name: registration.name, title, docs, methods }
    });
    let listing = Listing { providers: providers.collect(), configured: configured(arguments)? };
    if output.is_json() {
        output.json(&listing)?;
        return Ok(Exit::Done);
    }
    let linked = listing.providers.iter();
    let linked = linked.map(|it| row(it.name, "linked", it.title, it.methods, it.docs));
    let configured = listing.configured.iter();
    let configured = configured.map(|it| row(&it.name, "configured", it.title, &it.methods, it.docs));
    let rows: Vec<_> = linked.chain(configured).collect();
    table::write(output.out(), Some(["NAME", "IS", "SERVICE", "METHODS", "DOCS"]), &rows)?;
    Ok(Exit::Done)
}

fn row(name: &str, is: &str, title: &str, methods: &[&str], docs: &str) -> [Cell; 5] {
    [name.into(), is.into(), title.into(), methods.join(", ").into(), docs.into()]
}

fn configured(arguments: &ConnectorsArguments) -> Result<Vec<Configured>, Failure> {
    let Some((_, config)) = session::settings(&arguments.settings)? else { return Ok(Vec::new()) };
    let built = config.connectors()?.into_iter().map(|(name, connector)| {
        let ConnectorInfo { title, docs, methods } = *connector.info();
        let default = connector.auth(None).map(|auth| auth.method());
        let others = methods.iter().copied().filter(|method| Some(*method) != default);
        let others = others.filter(|method| connector.auth(Some(method)).is_some());
        Configured { name, title, docs, methods: default.into_iter().chain(others).collect() }
    });
    Ok(built.collect())
}
