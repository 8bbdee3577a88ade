//! The providers that are linked into this program.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use crate::settings::{SettingsError, Value};
use crate::{Connector, ConnectorInfo, Diagnosis, Error, ErrorKind, Exchange};

/// Settings of one provider, read from configuration. [`register_connector!`](crate::register_connector) writes the impl.
#[typetag::deserialize(tag = "provider")]
pub trait ConnectorConfig: std::fmt::Debug + Send + Sync {
    /// Builds the connector under the name it is configured by.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] when the settings do not fit together; nothing is sent.
    fn build(&self, name: &str) -> Result<Arc<dyn Connector>, Error>;
}

const _: fn(&dyn ConnectorConfig) = |_| {};

/// Implemented by a provider's settings.
pub trait BuildConnector: serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static {
    /// Static facts, listed without building anything.
    const INFO: ConnectorInfo;

    /// Checks the settings together and builds the connector under the name it is configured by.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`]; nothing is sent.
    fn build(&self, name: &str) -> Result<Arc<dyn Connector>, Error>;

    /// Reads a failed exchange as [`Connector::diagnose`] does, without any settings: for an answer that
    /// somebody shows, of a connection that is not at hand. `method` is the way the grant is held, one of
    /// [`ConnectorInfo::methods`], where that is known. `None`, as by default, leaves it to the general rules.
    #[must_use]
    fn diagnose(exchange: &Exchange<'_>, method: Option<&str>) -> Option<Diagnosis> {
        let _unread = (exchange, method);
        None
    }
}

/// One registered provider.
#[derive(Debug)]
pub struct Registration {
    /// The name: the typetag tag.
    pub name: &'static str,
    /// Static facts.
    pub info: ConnectorInfo,
    /// The crate that registered it.
    pub crate_name: &'static str,
    /// Why settings cannot be read as this provider's; [`register_connector!`](crate::register_connector) sets it.
    #[doc(hidden)]
    pub refusal: fn(&BTreeMap<String, Value>) -> Option<SettingsError>,
    /// Reads a failed exchange without settings: [`BuildConnector::diagnose`].
    pub diagnose: fn(&Exchange<'_>, Option<&str>) -> Option<Diagnosis>,
}

inventory::collect!(Registration);

/// The linked providers, by name.
#[derive(Debug)]
pub struct Registry {
    by_name: HashMap<&'static str, &'static Registration, foldhash::fast::RandomState>,
    duplicates: Vec<[&'static Registration; 2]>,
}

impl Registry {
    /// Every provider linked into this program; gathered at first use.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::of(&inventory::iter::<Registration>.into_iter().collect::<Vec<_>>()))
    }

    fn of(registrations: &[&'static Registration]) -> Self {
        let mut by_name =
            HashMap::with_capacity_and_hasher(registrations.len(), foldhash::fast::RandomState::default());
        let mut duplicates = Vec::new();
        for &registration in registrations {
            if let Some(earlier) = by_name.insert(registration.name, registration) {
                duplicates.push([earlier, registration]);
            }
        }
        Self { by_name, duplicates }
    }

    /// Refuses two crates that claim one name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`], naming both crates.
    pub fn check(&self) -> Result<(), Error> {
        let Some([one, other]) = self.duplicates.first() else { return Ok(()) };
        let message = format!(
            "the crates `{}` and `{}` both register the provider `{}`",
            one.crate_name, other.crate_name, one.name
        );
        Err(Error::new(ErrorKind::ConfigInvalid, message).hint("Link one of them only."))
    }

    /// Every provider, by name.
    #[must_use]
    pub fn list(&self) -> Vec<&'static Registration> {
        let mut all: Vec<_> = self.by_name.values().copied().collect();
        all.sort_unstable_by_key(|registration| registration.name);
        all
    }

    /// The provider called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static Registration> {
        self.by_name.get(name).copied()
    }

    /// The provider called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownProvider`], with the nearest name, the linked names and how to link a crate.
    pub fn find(&self, name: &str) -> Result<&'static Registration, Error> {
        self.get(name).ok_or_else(|| {
            let names: Vec<_> = self.list().iter().map(|registration| registration.name).collect();
            let listed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let near = nearest(name, names.iter().copied())
                .map_or_else(String::new, |near| format!("Did you mean `{near}`? "));
            Error::new(ErrorKind::UnknownProvider, format!("no provider `{}` is linked", printable(name)))
                .hint(format!(
                    "{near}Linked providers: {listed}. A crate that nothing names is not linked: \
                 add `use the_crate as _;` where the program starts."
                ))
        })
    }
}

/// The name most like `wanted`, if one is near enough to be a slip.
#[must_use]
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3)
        .min()
        .map(|(_, name)| name)
}

/// A name that someone passed, fit for an error message.
#[must_use]
pub fn printable(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Registers a provider: `register_connector!("acme", AcmeConfig);`.
///
/// The name is written once and feeds both the registry and the `provider` tag of the settings.
/// `AcmeConfig` implements [`BuildConnector`] and `serde::Deserialize`, with
/// `#[serde(deny_unknown_fields)]`. The calling crate needs `trunkline-core` and `serde` alone.
#[macro_export]
macro_rules! register_connector {
    ($name:literal, $config:ty) => {
        const _: () = {
            use $crate::__private::{inventory, typetag};

            inventory::submit! {
                $crate::Registration {
                    name: $name,
                    info: <$config as $crate::BuildConnector>::INFO,
                    crate_name: ::core::env!("CARGO_PKG_NAME"),
                    refusal: $crate::settings::refusal::<$config>,
                    diagnose: <$config as $crate::BuildConnector>::diagnose,
                }
            }

            #[typetag::deserialize(name = $name)]
            impl $crate::ConnectorConfig for $config {
                fn build(
                    &self,
                    name: &str,
                ) -> ::core::result::Result<::std::sync::Arc<dyn $crate::Connector>, $crate::Error> {
                    <$config as $crate::BuildConnector>::build(self, name)
                }
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: ConnectorInfo = ConnectorInfo { title: "Acme", docs: "", methods: &["api_key"] };
    static FIRST: Registration = Registration {
        name: "sage_intacct",
        info: INFO,
        crate_name: "one",
        refusal: |_| None,
        diagnose: |_, _| None,
    };
    static SECOND: Registration = Registration {
        name: "sage_intacct",
        info: INFO,
        crate_name: "two",
        refusal: |_| None,
        diagnose: |_, _| None,
    };
    static OTHER: Registration = Registration {
        name: "salesforce",
        info: INFO,
        crate_name: "three",
        refusal: |_| None,
        diagnose: |_, _| None,
    };

    #[test]
    fn two_crates_that_claim_one_name_are_refused_by_their_names() {
        let error = Registry::of(&[&FIRST, &OTHER, &SECOND]).check().unwrap_err().to_string();
        assert!(
            error.contains("`one`") && error.contains("`two`") && error.contains("sage_intacct"),
            "{error}"
        );
        assert!(Registry::of(&[&FIRST, &OTHER]).check().is_ok());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_one_and_how_to_link() {
        let registry = Registry::of(&[&FIRST, &OTHER]);
        let near = registry.find("sage_intact").unwrap_err();
        let hint = near.hint_text().unwrap();
        assert!(hint.contains("Did you mean `sage_intacct`?"), "{hint}");
        assert!(hint.contains("sage_intacct, salesforce") && hint.contains("use the_crate as _;"), "{hint}");
        let far = registry.find("quickbooks").unwrap_err();
        assert_eq!(far.kind(), ErrorKind::UnknownProvider);
        assert!(!far.hint_text().unwrap().contains("Did you mean"));
    }
}
