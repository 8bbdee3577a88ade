//! Manifests by name.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use trunkline_core::{Error, ErrorKind, nearest, printable};

use crate::load::read_all;
use crate::manifest::Manifest;
use crate::problem::Problems;

/// An immutable set of manifests, found by name in constant time.
///
/// To reload, read a new one and swap it in place of the old: whoever holds the old one keeps it whole.
#[derive(Debug, Default)]
pub struct Catalogue {
    by_name: HashMap<Box<str>, Arc<Manifest>>,
}

impl Catalogue {
    /// Reads manifests that may extend each other: names of files, and their texts.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of them; one bad manifest refuses the set, so that a set is never half
    /// replaced.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Problems> {
        Ok(Self::of(read_all(files)?))
    }

    fn of(manifests: Vec<Arc<Manifest>>) -> Self {
        let by_name = manifests.into_iter().map(|manifest| (manifest.name().into(), manifest));
        Self { by_name: by_name.collect() }
    }

    /// The manifests of this crate.
    ///
    /// # Panics
    ///
    /// If one of them is not sound, which a test rules out.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Catalogue> = OnceLock::new();
        BUILTIN.get_or_init(|| Self::parse(BUILTIN_FILES.iter().copied()).expect("the catalogue is sound"))
    }

    /// The manifest called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Manifest>> {
        self.by_name.get(name)
    }

    /// The manifest called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] with the nearest name.
    pub fn find(&self, name: &str) -> Result<Arc<Manifest>, Error> {
        self.get(name).cloned().ok_or_else(|| {
            let error =
                Error::new(ErrorKind::ConfigInvalid, format!("there is no manifest `{}`", printable(name)));
            match nearest(name, self.by_name.keys().map(|name| &**name)) {
                Some(near) => error.hint(format!("Did you mean `{near}`?")),
                None => error.hint("A manifest of your own is named by `file`."),
            }
        })
    }

    /// All manifests, by name.
    #[must_use]
    pub fn list(&self) -> Vec<&Arc<Manifest>> {
        let mut all: Vec<_> = self.by_name.values().collect();
        all.sort_unstable_by_key(|manifest| manifest.name());
        all
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

/// The files of the catalogue.
const BUILTIN_FILES: &[(&str, &str)] = &[
    ("airtable.toml", include_str!("../catalogue/airtable.toml")),
    ("asana.toml", include_str!("../catalogue/asana.toml")),
    ("atlassian.toml", include_str!("../catalogue/atlassian.toml")),
    ("bamboohr.toml", include_str!("../catalogue/bamboohr.toml")),
    ("bitbucket.toml", include_str!("../catalogue/bitbucket.toml")),
    ("box.toml", include_str!("../catalogue/box.toml")),
    ("box_enterprise.toml", include_str!("../catalogue/box_enterprise.toml")),
    ("calendly.toml", include_str!("../catalogue/calendly.toml")),
    ("clickup.toml", include_str!("../catalogue/clickup.toml")),
    ("cloudant.toml", include_str!("../catalogue/cloudant.toml")),
    ("datadog.toml", include_str!("../catalogue/datadog.toml")),
    ("discord.toml", include_str!("../catalogue/discord.toml")),
    ("docusign.toml", include_str!("../catalogue/docusign.toml")),
    ("dropbox.toml", include_str!("../catalogue/dropbox.toml")),
    ("flickr.toml", include_str!("../catalogue/flickr.toml")),
    ("freshdesk.toml", include_str!("../catalogue/freshdesk.toml")),
    ("front.toml", include_str!("../catalogue/front.toml")),
    ("github.toml", include_str!("../catalogue/github.toml")),
    ("github_app.toml", include_str!("../catalogue/github_app.toml")),
    ("gitlab.toml", include_str!("../catalogue/gitlab.toml")),
    ("gitlab_self_managed.toml", include_str!("../catalogue/gitlab_self_managed.toml")),
    ("google.toml", include_str!("../catalogue/google.toml")),
    ("google_drive.toml", include_str!("../catalogue/google_drive.toml")),
    ("google_service_account.toml", include_str!("../catalogue/google_service_account.toml")),
    ("greenhouse.toml", include_str!("../catalogue/greenhouse.toml")),
    ("gusto.toml", include_str!("../catalogue/gusto.toml")),
    ("hubspot.toml", include_str!("../catalogue/hubspot.toml")),
    ("intercom.toml", include_str!("../catalogue/intercom.toml")),
    ("jira.toml", include_str!("../catalogue/jira.toml")),
    ("jira_data_center.toml", include_str!("../catalogue/jira_data_center.toml")),
    ("klaviyo.toml", include_str!("../catalogue/klaviyo.toml")),
    ("linear.toml", include_str!("../catalogue/linear.toml")),
    ("looker.toml", include_str!("../catalogue/looker.toml")),
    ("mailchimp.toml", include_str!("../catalogue/mailchimp.toml")),
    ("microsoft.toml", include_str!("../catalogue/microsoft.toml")),
    ("microsoft_app.toml", include_str!("../catalogue/microsoft_app.toml")),
    ("miro.toml", include_str!("../catalogue/miro.toml")),
    ("netsuite.toml", include_str!("../catalogue/netsuite.toml")),
    ("netsuite_m2m.toml", include_str!("../catalogue/netsuite_m2m.toml")),
    ("netsuite_oauth2.toml", include_str!("../catalogue/netsuite_oauth2.toml")),
    ("notion.toml", include_str!("../catalogue/notion.toml")),
    ("okta.toml", include_str!("../catalogue/okta.toml")),
    ("pagerduty.toml", include_str!("../catalogue/pagerduty.toml")),
    ("paypal.toml", include_str!("../catalogue/paypal.toml")),
    ("pipedrive.toml", include_str!("../catalogue/pipedrive.toml")),
    ("quickbooks.toml", include_str!("../catalogue/quickbooks.toml")),
    ("salesforce.toml", include_str!("../catalogue/salesforce.toml")),
    ("sendgrid.toml", include_str!("../catalogue/sendgrid.toml")),
    ("shopify.toml", include_str!("../catalogue/shopify.toml")),
    ("shopify_oauth.toml", include_str!("../catalogue/shopify_oauth.toml")),
    ("slack.toml", include_str!("../catalogue/slack.toml")),
    ("square.toml", include_str!("../catalogue/square.toml")),
    ("stripe.toml", include_str!("../catalogue/stripe.toml")),
    ("tableau.toml", include_str!("../catalogue/tableau.toml")),
    ("twilio.toml", include_str!("../catalogue/twilio.toml")),
    ("xero.toml", include_str!("../catalogue/xero.toml")),
    ("zendesk.toml", include_str!("../catalogue/zendesk.toml")),
    ("zoho_crm.toml", include_str!("../catalogue/zoho_crm.toml")),
    ("zoom.toml", include_str!("../catalogue/zoom.toml")),
    ("zoom_account.toml", include_str!("../catalogue/zoom_account.toml")),
];
