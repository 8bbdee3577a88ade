//! The texts of causes and remedies in an application's languages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Actor, Diagnosis};

/// Looks texts up by language. English is built in; an application adds what it needs.
///
/// A language is named by its tag (BCP 47), in any case. `de-CH` falls back to `de`, and what a
/// language lacks comes in English.
///
/// ```
/// use trunkline_core::{Actor, Cause, Diagnosis, Language, Texts};
///
/// // From code, or from a file: `serde_json::from_str::<Language>(…)`.
/// let german = Language::new()
///     .summary("grant_revoked", "der Zugang wurde widerrufen")
///     .advice("grant_revoked", Actor::CustomerUser, ["Verbinden Sie sich erneut."]);
/// let texts = Texts::new().language("de", german);
///
/// let diagnosis = Diagnosis::new(Cause::GrantRevoked);
/// assert_eq!(texts.summary("de-CH", &diagnosis), "der Zugang wurde widerrufen");
/// assert_eq!(texts.steps("de-CH", &diagnosis), ["Verbinden Sie sich erneut."]);
/// assert_eq!(texts.steps("fr", &diagnosis), ["Connect again and approve access at the service."]);
/// // What somebody else does about it; nothing for one who never meets it.
/// assert!(texts.steps_for("de", &diagnosis, Actor::Operator)[0].starts_with("Ask the customer's user"));
/// assert!(texts.steps_for("de", &diagnosis, Actor::Service).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Texts(BTreeMap<String, Language>);

/// The texts of one language: by the code of a cause, or by the key of a connector's remedy.
///
/// As data: `{"grant_revoked": {"summary": "…", "advice": {"customer_user": ["…", "…"]}}}`. In the
/// steps, `{name}` stands for the remedy's value of that name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Language(BTreeMap<String, Entry>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    advice: BTreeMap<Actor, Vec<String>>,
}

impl Language {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What happened, in one clause, for the cause of this code.
    #[must_use]
    pub fn summary(mut self, code: impl Into<String>, text: impl Into<String>) -> Self {
        self.0.entry(code.into()).or_default().summary = Some(text.into());
        self
    }

    /// What `actor` does, for the remedy of this key. None of it is as if it were not there.
    #[must_use]
    pub fn advice<S: Into<String>>(
        mut self,
        key: impl Into<String>,
        actor: Actor,
        steps: impl IntoIterator<Item = S>,
    ) -> Self {
        let steps = steps.into_iter().map(Into::into).collect();
        self.0.entry(key.into()).or_default().advice.insert(actor, steps);
        self
    }
}

impl Texts {
    /// English alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `language` under its tag, in place of one that was there. One for `en` goes before ours.
    #[must_use]
    pub fn language(mut self, tag: &str, language: Language) -> Self {
        self.0.insert(normal(tag), language);
        self
    }

    /// What happened, in one clause.
    #[must_use]
    pub fn summary<'a>(&'a self, locale: &str, diagnosis: &Diagnosis) -> &'a str {
        let code = diagnosis.cause().code();
        let found = self.of(locale).find_map(|language| language.0.get(code)?.summary.as_deref());
        found.unwrap_or(diagnosis.cause().summary())
    }

    /// What the one who acts does, in steps.
    #[must_use]
    pub fn steps(&self, locale: &str, diagnosis: &Diagnosis) -> Vec<String> {
        self.steps_for(locale, diagnosis, diagnosis.actor())
    }

    /// What `actor` does, in steps; none for one who does not meet it.
    #[must_use]
    pub fn steps_for(&self, locale: &str, diagnosis: &Diagnosis, actor: Actor) -> Vec<String> {
        let Some(remedy) = diagnosis.remedy_for(actor) else { return Vec::new() };
        let translated = self.of(locale).find_map(|language| {
            language.0.get(remedy.key())?.advice.get(&actor).filter(|steps| !steps.is_empty())
        });
        match translated {
            Some(steps) => steps.iter().map(|step| remedy.fill(step)).map(Cow::into_owned).collect(),
            None => remedy.steps().map(str::to_owned).collect(),
        }
    }

    /// The languages to look in, the nearest first (RFC 4647, 3.4).
    fn of(&self, locale: &str) -> impl Iterator<Item = &Language> {
        let mut tag = Some(normal(locale));
        std::iter::from_fn(move || {
            let now = tag.take()?;
            tag = now.rsplit_once('-').map(|(shorter, _)| {
                // A lone letter only announces what follows it.
                let alone = shorter.rsplit_once('-').filter(|(_, last)| last.len() == 1);
                alone.map_or(shorter, |(before, _)| before).to_owned()
            });
            Some(now)
        })
        .filter_map(|tag| self.0.get(&tag))
    }
}

/// Tags are compared without case; `de_CH` is how operating systems write `de-CH`.
fn normal(tag: &str) -> String {
    tag.trim().replace('_', "-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Cause, Remedy};

    fn german() -> Language {
        Language::new()
            .summary("scope_missing", "es fehlt ein Recht")
            .advice("acme.role", Actor::CustomerAdministrator, ["Rolle {role} geben."])
            .advice("permission_missing", Actor::CustomerUser, Vec::<String>::new())
    }

    #[test]
    fn the_nearest_language_that_has_the_text_wins() {
        let swiss = Language::new().summary("scope_missing", "es fehlt ein Recht (CH)");
        let texts = Texts::new().language("DE", german()).language("de-ch", swiss);
        let diagnosis = Diagnosis::new(Cause::ScopeMissing);
        for (locale, expected) in [
            ("de-CH", "es fehlt ein Recht (CH)"),
            ("de_CH.x", "es fehlt ein Recht"),
            ("de-CH-x-anything", "es fehlt ein Recht (CH)"),
            ("de-AT", "es fehlt ein Recht"),
            ("DE", "es fehlt ein Recht"),
            ("d", Cause::ScopeMissing.summary()),
            ("en-GB", Cause::ScopeMissing.summary()),
            ("", Cause::ScopeMissing.summary()),
            ("-", Cause::ScopeMissing.summary()),
        ] {
            assert_eq!(texts.summary(locale, &diagnosis), expected, "{locale}");
        }
    }

    #[test]
    fn a_connectors_own_remedy_is_translated_by_its_key_with_its_values() {
        let own = Remedy::new("acme.role").value("role", "Clerk").step("Give the role {role}.");
        let diagnosis = Diagnosis::new(Cause::PermissionMissing).remedied(own);
        let texts = Texts::new().language("de", german());
        assert_eq!(texts.steps("de", &diagnosis), ["Rolle Clerk geben."]);
        assert_eq!(texts.steps("fr", &diagnosis), ["Give the role Clerk."]);
    }

    #[test]
    fn what_a_language_lacks_comes_in_english() {
        let texts = Texts::new().language("de", german());
        let diagnosis = Diagnosis::new(Cause::PermissionMissing);
        let english = Cause::PermissionMissing.advice(Actor::CustomerUser).unwrap().to_string();
        assert_eq!(
            texts.steps_for("de", &diagnosis, Actor::CustomerUser),
            [english],
            "an empty text is none"
        );
        assert_eq!(texts.summary("de", &diagnosis), Cause::PermissionMissing.summary());
    }

    #[test]
    fn a_language_can_be_read_from_data() {
        let data = r#"{"grant_revoked":{"summary":"a","advice":{"customer_user":["b"]}}}"#;
        let expected =
            Language::new().summary("grant_revoked", "a").advice("grant_revoked", Actor::CustomerUser, ["b"]);
        assert_eq!(serde_json::from_str::<Language>(data).unwrap(), expected);
        assert!(serde_json::from_str::<Language>(r#"{"grant_revoked":{"sumary":"a"}}"#).is_err());
    }
}
