//! Which connectors there are, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use trunkline_core::settings::{self, Value};
use trunkline_core::{BuildConnector, Connector, ConnectorConfig, Error, ErrorKind, Registry, printable};
use url::Url;
use zeroize::Zeroizing;

/// The connectors of an application, and where its users may return to after a consent.
///
/// ```toml
/// [connectors.sage_intacct]
/// provider = "sage_intacct"
/// client_id = "0a1b….app.sage.com"
/// client_secret = { env = "SAGE_INTACCT_CLIENT_SECRET" }   # or { file = "…" }
/// redirect_uri = "https://app.example.com/connect/callback"
///
/// [consent]
/// return_to = ["https://app.example.com"]
/// ```
///
/// Wherever a text may stand, `{ env = "NAME" }` or `{ file = "PATH" }` may stand instead; a file's
/// trailing line break is dropped.
#[derive(Default)]
pub struct Config {
    connectors: BTreeMap<String, Box<dyn ConnectorConfig>>,
    return_to: Vec<Url>,
}

impl Config {
    /// No connector yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a TOML file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] or [`ErrorKind::UnknownProvider`], naming file, table, key and
    /// problem, and never a value.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|error| invalid(format!("{name}: cannot be read")).caused_by(error))?;
        Self::from_toml(&text, &name)
    }

    /// Reads TOML text; `file` is the name that errors give.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file).
    pub fn from_toml(text: &str, file: &str) -> Result<Self, Error> {
        #[expect(clippy::disallowed_methods, reason = "settings are where the environment is read")]
        let environment = |name: &str| std::env::var(name).ok();
        Self::parse(text, file, &environment)
    }

    fn parse(text: &str, file: &str, environment: &Environment<'_>) -> Result<Self, Error> {
        let root: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The parser's own message quotes the input, which may hold a secret.
            let line = error.span().map_or(1, |span| {
                text.as_bytes()[..span.start.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
            });
            let what = if error.message().starts_with("duplicate key") {
                "a key or table stands twice"
            } else {
                "not valid TOML"
            };
            invalid(format!("{file}: line {line}: {what}"))
        })?;
        let mut config = Self::new();
        for (table, value) in root {
            match (table.as_str(), value) {
                ("connectors", toml::Value::Table(connectors)) => {
                    for (name, settings) in connectors {
                        let place = format!("{file}: [connectors.{}]", printable(&name));
                        config.add(name, read(settings, &place, environment)?)?;
                    }
                }
                ("consent", toml::Value::Table(consent)) => config.read_consent(consent, file)?,
                ("connectors" | "consent", _) => {
                    return Err(invalid(format!("{file}: `{table}` must be a table")));
                }
                _ => {
                    return Err(invalid(format!(
                        "{file}: `{}` is not a table of this file",
                        printable(&table)
                    )));
                }
            }
        }
        Ok(config)
    }

    fn read_consent(&mut self, consent: toml::Table, file: &str) -> Result<(), Error> {
        for (key, value) in consent {
            if key != "return_to" {
                return Err(invalid(format!("{file}: [consent]: `{}` is not a setting", printable(&key))));
            }
            let toml::Value::Array(urls) = value else {
                return Err(invalid(format!("{file}: [consent]: `return_to` must be a list")));
            };
            for url in urls {
                let url = url.as_str().and_then(|url| Url::parse(url).ok());
                let url =
                    url.ok_or_else(|| invalid(format!("{file}: [consent]: `return_to` must hold URLs")))?;
                self.allow_return_to(url)?;
            }
        }
        Ok(())
    }

    /// Adds a connector under `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] when the name is taken.
    pub fn connector<C: BuildConnector + ConnectorConfig>(
        mut self,
        name: &str,
        settings: C,
    ) -> Result<Self, Error> {
        self.add(name.to_owned(), Box::new(settings))?;
        Ok(self)
    }

    /// Lets users return to any page of `url`'s origin after a consent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] unless it is https, or http on loopback.
    pub fn return_to(mut self, url: Url) -> Result<Self, Error> {
        self.allow_return_to(url)?;
        Ok(self)
    }

    fn allow_return_to(&mut self, url: Url) -> Result<(), Error> {
        if !trunkline_core::is_secure(&url) {
            return Err(invalid(
                "a page to return to must be https (plain http is for loopback only)".to_owned(),
            ));
        }
        self.return_to.push(url);
        Ok(())
    }

    fn add(&mut self, name: String, settings: Box<dyn ConnectorConfig>) -> Result<(), Error> {
        if self.connectors.contains_key(&name) {
            return Err(invalid(format!("the connector `{}` is configured twice", printable(&name))));
        }
        self.connectors.insert(name, settings);
        Ok(())
    }

    /// Builds every connector, by name, and so checks all settings. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] when a connector's settings do not fit together, or two linked crates
    /// claim one name.
    pub fn connectors(&self) -> Result<BTreeMap<String, Arc<dyn Connector>>, Error> {
        Registry::global().check()?;
        let connectors = self.connectors.iter();
        connectors.map(|(name, settings)| Ok((name.clone(), settings.build(name)?))).collect()
    }

    /// Builds every connector, and hands over the pages that users may return to.
    pub(crate) fn build(self) -> Result<Built, Error> {
        Ok((self.connectors()?, self.return_to))
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("connectors", &self.connectors.keys())
            .field("return_to", &self.return_to)
            .finish()
    }
}

/// The connectors by name, and the pages that users may return to.
type Built = (BTreeMap<String, Arc<dyn Connector>>, Vec<Url>);

type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

fn read(
    settings: toml::Value,
    place: &str,
    environment: &Environment<'_>,
) -> Result<Box<dyn ConnectorConfig>, Error> {
    let toml::Value::Table(table) = settings else {
        return Err(invalid(format!("{place}: must be a table")));
    };
    match table.get(settings::PROVIDER_KEY) {
        Some(toml::Value::String(provider)) => {
            Registry::global().find(provider).map_err(|error| {
                let hint = error.hint_text().unwrap_or_default().into_owned();
                Error::new(error.kind(), format!("{place}: {error}")).hint(hint)
            })?;
        }
        Some(_) => return Err(invalid(format!("{place}: `provider` must be a text"))),
        None => return Err(invalid(format!("{place}: `provider` is missing"))),
    }
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let resolved = resolve(value, environment)
            .map_err(|problem| invalid(format!("{place}: `{}` {problem}", printable(&key))))?;
        values.insert(key, resolved);
    }
    settings::read(values).map_err(|error| invalid(format!("{place}: {error}")))
}

/// Turns TOML into settings; `{ env = … }` and `{ file = … }` become the text they stand for.
fn resolve(value: toml::Value, environment: &Environment<'_>) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::text(text),
        toml::Value::Integer(number) => Value::Integer(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Boolean(value) => Value::Bool(value),
        toml::Value::Datetime(time) => Value::text(time.to_string()),
        toml::Value::Array(items) => {
            Value::List(items.into_iter().map(|item| resolve(item, environment)).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => {
            let mut entries = table.iter();
            match (entries.next(), entries.next()) {
                (Some((key, toml::Value::String(name))), None) if key == "env" => {
                    let text = environment(name).ok_or_else(|| {
                        format!("needs the environment variable `{}`, which is not set", printable(name))
                    })?;
                    Value::text(text)
                }
                (Some((key, toml::Value::String(path))), None) if key == "file" => {
                    let text = std::fs::read_to_string(path).map_err(|error| {
                        format!(
                            "needs the file `{}`, which cannot be read ({})",
                            printable(path),
                            error.kind()
                        )
                    })?;
                    Value::text(Zeroizing::new(text).trim_end_matches(['\r', '\n']))
                }
                _ => Value::Table(
                    table
                        .into_iter()
                        .map(|(key, value)| Ok((key, resolve(value, environment)?)))
                        .collect::<Result<_, String>>()?,
                ),
            }
        }
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}
