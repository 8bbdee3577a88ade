//! The hub behind the commands that change something.

use std::path::{Path, PathBuf};
use std::time::Duration;

use trunkline::{Config, KeyRing, Trunkline};
use trunkline_core::Error;

use crate::arguments::{SettingsPlace, StorePlace};
use crate::exit::Failure;
use crate::output::Output;
use crate::store::OpenStore;

/// Where settings are when nobody says.
const DEFAULT_SETTINGS: &str = "trunkline.toml";

/// How long the end waits for what is still to be stored or revoked.
const END: Duration = Duration::from_secs(30);

/// The settings. Without a place they may be missing.
pub(crate) fn settings(place: &SettingsPlace) -> Result<Option<(PathBuf, Config)>, Failure> {
    let path = place.config.clone().unwrap_or_else(|| DEFAULT_SETTINGS.into());
    if place.config.is_none() && !Path::new(&path).exists() {
        return Ok(None);
    }
    let config = Config::from_file(&path)?;
    Ok(Some((path, config)))
}

/// The settings, for a command that cannot do without.
pub(crate) fn needed(place: &SettingsPlace) -> Result<Config, Failure> {
    let found = settings(place)?.map(|(_, config)| config);
    found.ok_or_else(|| {
        Failure::usage(format!("there are no settings: `{DEFAULT_SETTINGS}` is not here"))
            .hint("Name the file with --config; docs/guides/connect.md shows what stands in it.")
    })
}

/// Puts the hub together: settings and keys first, so that a mistake in them makes no file.
pub(crate) async fn start(
    settings_place: &SettingsPlace,
    store_place: &StorePlace,
    may_make_store: bool,
) -> Result<Trunkline, Failure> {
    let config = needed(settings_place)?;
    config.connectors()?;
    let keys = KeyRing::from_env("TRUNKLINE_KEY").map_err(Error::from)?;
    let store = match may_make_store {
        true => OpenStore::open(&store_place.store).await?,
        false => OpenStore::existing(&store_place.store).await?,
    };
    // Whoever runs one command does not do the upkeep of everybody's connections.
    Ok(store
        .give_to(Trunkline::builder().config(config).keys(keys))
        .upkeep(None)
        .probes(None)
        .build()
        .await?)
}

/// Waits until everything is stored and revoked that is under way.
pub(crate) async fn end(trunkline: &Trunkline, output: &Output) -> Result<(), Failure> {
    let _shown = output.progress("finishing");
    Ok(trunkline.shutdown(END).await.map_err(Error::from)?)
}
