//! One provider as data.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::folder::Folder;
use crate::format::Format;
use crate::load::read_all;
use crate::pages::Pages;
use crate::problem::{Problem, Problems};

/// A provider that was read and checked. It is immutable; [`ManifestConfig`](crate::ManifestConfig) makes a connector
/// of it.
pub struct Manifest {
    pub(crate) format: Format,
}

impl Manifest {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Reads one manifest; `file` is the name that problems give. A manifest that extends another is read with it,
    /// by [`Catalogue::parse`](crate::Catalogue::parse).
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it. No value that may be a secret is quoted.
    pub fn parse(file: &str, text: &str) -> Result<Arc<Self>, Problems> {
        read_all([(file, text)])?.pop().ok_or_else(|| Problem::of_file(file, "there is no manifest").into())
    }

    /// Reads a manifest's file, and beside it those it extends: `extends = "acme"` is `acme.toml`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, and what cannot be read.
    pub fn load(file: impl AsRef<Path>) -> Result<Arc<Self>, Problems> {
        Folder::load_one(file.as_ref())
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.format.name
    }

    /// The service's name as people know it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.format.title
    }

    /// Where the service documents the API.
    #[must_use]
    pub fn docs(&self) -> &str {
        &self.format.docs
    }

    /// The vendor's own pages that it was written from.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.format.source.urls.iter().map(|url| url.as_str())
    }

    /// The day they were read: `2026-11-25`.
    #[must_use]
    pub fn checked(&self) -> &str {
        &self.format.source.checked
    }

    /// The manifest that it extends.
    #[must_use]
    pub fn extends(&self) -> Option<&str> {
        self.format.extends.as_ref().map(|base| base.as_str())
    }

    /// The ways to hold a grant, by name, the default first.
    #[must_use]
    pub fn methods(&self) -> Vec<&'static str> {
        let default = self.default_method();
        let mut methods = self.format.methods();
        methods.sort_by_key(|method| *method != default);
        methods.into_iter().map(crate::format::Method::name).collect()
    }

    pub(crate) fn default_method(&self) -> crate::format::Method {
        let first = || self.format.methods().first().copied();
        let named = self.format.default_method.as_deref().copied();
        // A manifest without a method is refused when it is read.
        named.or_else(first).unwrap_or(crate::format::Method::ApiKey)
    }

    /// How its long lists come in pages, where the manifest says.
    #[must_use]
    pub fn pages(&self) -> Option<Pages> {
        self.format.pagination.as_ref().map(|pagination| Pages::new((**pagination).clone()))
    }

    /// The pages that the manifest was written from, and the day they were read.
    pub fn source(&self) -> (impl Iterator<Item = &str>, &str) {
        (self.format.source.urls.iter().map(|url| url.as_str()), &self.format.source.checked)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manifest").field(&self.name()).finish()
    }
}
