//! From a profile's settings to a connector.

use std::collections::BTreeMap;
use std::sync::Arc;

use trunkline_core::settings::{self, PROVIDER_KEY, SettingsError, Value};
use trunkline_core::{Connector, ConnectorConfig, Registry};

use super::CONNECTOR;
use crate::leak::LeakDetector;
use crate::profile::Profile;
use crate::rule::Failure;

/// The settings with a canary in each place for one, and the secrets that the profile brings.
pub(super) fn filled(profile: &Profile, leaks: &LeakDetector) -> String {
    let mut filled = String::new();
    for line in profile.settings.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        let mut line = line.to_owned();
        if line.contains("{canary}") {
            line = line.replace("{canary}", &leaks.canary(&format!("setting {key}")));
        }
        for (name, secret) in &profile.secrets {
            if line.contains(&format!("{{{name}}}")) {
                leaks.know(&format!("setting {key}"), secret);
                // Line breaks of a key as TOML writes them between plain quotes.
                line = line.replace(&format!("{{{name}}}"), &secret.replace('\n', "\\n"));
            }
        }
        filled.push_str(&line);
        filled.push('\n');
    }
    filled
}

/// A text of the settings.
pub(super) fn text(settings: &str, key: &str) -> Option<String> {
    let table: toml::Table = settings.parse().ok()?;
    table.get(key)?.as_str().map(str::to_owned)
}

/// The file that an operator would write.
pub(crate) fn file(profile: &Profile, settings: &str) -> String {
    format!("[connectors.{CONNECTOR}]\nprovider = \"{}\"\n{settings}", profile.provider)
}

/// The connector, and what `Debug` says of its settings.
pub(super) fn build(profile: &Profile, text: &str) -> Result<(Arc<dyn Connector>, Option<String>), Failure> {
    let config = (profile.configured)(&file(profile, text)).map_err(|error| {
        let hint = error.hint_text().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Failure(format!("the profile's settings are refused: {error}{hint}"))
    })?;
    let connectors = config.connectors();
    let mut connectors = connectors.map_err(|error| Failure(format!("the settings do not fit: {error}")))?;
    let connector = connectors.remove(CONNECTOR).ok_or("no connector came of the settings")?;
    // What was read in another way has no settings of a registered type.
    let debug = match Registry::global().get(&profile.provider) {
        Some(_) => read(profile, table(text)?).ok().map(|config| format!("{config:?}\n{config:#?}")),
        None => profile.shown.as_ref().and_then(|show| show(&file(profile, text))),
    };
    Ok((connector, debug))
}

/// Reads a table as this provider's settings.
pub(crate) fn read(
    profile: &Profile,
    mut table: BTreeMap<String, Value>,
) -> Result<Box<dyn ConnectorConfig>, SettingsError> {
    table.insert(PROVIDER_KEY.to_owned(), Value::text(&profile.provider));
    settings::read(table)
}

/// Settings as the tree that providers read.
pub(crate) fn table(text: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let table: toml::Table = text.parse().map_err(|_| "the profile's settings are no TOML")?;
    Ok(table.into_iter().map(|(key, value)| (key, tree(value))).collect())
}

fn tree(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::text(text),
        toml::Value::Integer(number) => Value::Integer(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Boolean(is) => Value::Bool(is),
        toml::Value::Datetime(time) => Value::text(time.to_string()),
        toml::Value::Array(list) => Value::List(list.into_iter().map(tree).collect()),
        toml::Value::Table(table) => {
            Value::Table(table.into_iter().map(|(key, value)| (key, tree(value))).collect())
        }
    }
}

/// The texts in the settings that are URLs, but for where the browser comes back.
pub(super) fn urls(text: &str) -> Vec<String> {
    fn collect(value: &toml::Value, urls: &mut Vec<String>) {
        match value {
            toml::Value::String(text) if text.contains("://") => urls.push(text.clone()),
            toml::Value::Array(list) => list.iter().for_each(|value| collect(value, urls)),
            toml::Value::Table(table) => table.values().for_each(|value| collect(value, urls)),
            _ => {}
        }
    }
    let mut urls = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        table
            .iter()
            .filter(|(key, _)| *key != "redirect_uri")
            .for_each(|(_, value)| collect(value, &mut urls));
    }
    urls
}
