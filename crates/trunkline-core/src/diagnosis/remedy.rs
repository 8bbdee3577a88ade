//! What somebody does about a failure, in steps.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::text::ServiceText;

/// What an actor does, in order.
///
/// The key is stable, so that a table of another language can hold the steps
/// ([`Texts`](super::Texts)): the code of the cause, or a connector's own in its namespace, such as
/// `sage_intacct.client_not_listed`.
///
/// ```
/// use trunkline_core::Remedy;
///
/// const NOT_LISTED: Remedy = Remedy::documented(
///     "acme.not_listed",
///     &["Open Admin > Apps.", "Add the client id."],
///     "https://acme.example/docs/apps",
/// );
/// assert_eq!(NOT_LISTED.steps().count(), 2);
///
/// let role = Remedy::new("acme.role_missing").value("role", "Bookkeeper").step("Give the user the role {role}.");
/// assert_eq!(role.to_string(), "Give the user the role Bookkeeper.");
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Stored")]
pub struct Remedy(Source);

/// Where the steps come from.
#[derive(Debug, Clone)]
enum Source {
    /// The table of causes.
    Usual { code: &'static str, steps: &'static [&'static str] },
    /// A connector, when it was compiled.
    Fixed { key: &'static str, steps: &'static [&'static str], link: Option<&'static str> },
    /// Made at run time, or read from a store.
    Own(Box<Own>),
}

#[derive(Debug, Clone, Default)]
struct Own {
    key: Cow<'static, str>,
    steps: Vec<String>,
    link: Option<Cow<'static, str>>,
    values: BTreeMap<String, ServiceText>,
}

impl Remedy {
    /// The key of a remedy that was stored as a mere text, before remedies had keys.
    pub const UNKEYED: &'static str = "unkeyed";

    /// Steps that are known when the program is compiled. Each is a sentence or two.
    #[must_use]
    pub const fn fixed(key: &'static str, steps: &'static [&'static str]) -> Self {
        Self(Source::Fixed { key, steps, link: None })
    }

    /// As [`fixed`](Self::fixed), with the page of the service, or of ours, that describes it.
    ///
    /// # Panics
    ///
    /// If `link` is no https address; in a constant, the program does not compile.
    #[must_use]
    pub const fn documented(key: &'static str, steps: &'static [&'static str], link: &'static str) -> Self {
        assert!(is_https(link), "a remedy's link is an https address");
        Self(Source::Fixed { key, steps, link: Some(link) })
    }

    /// The steps of the table of causes.
    pub(super) const fn usual(code: &'static str, steps: &'static [&'static str]) -> Self {
        Self(Source::Usual { code, steps })
    }

    /// A remedy without steps, for [`value`](Self::value) and [`step`](Self::step).
    #[must_use]
    pub fn new(key: impl Into<Cow<'static, str>>) -> Self {
        Self(Source::Own(Box::new(Own { key: key.into(), ..Own::default() })))
    }

    /// Sets what `{name}` stands for in the steps that follow, and in those of another language. It is
    /// cleaned and bounded as a service's text is.
    #[must_use]
    pub fn value(self, name: impl Into<String>, value: &str) -> Self {
        self.change(|own| {
            own.values.insert(name.into(), ServiceText::new(value));
        })
    }

    /// Adds a step; `{name}` in it is replaced by the value of that name.
    #[must_use]
    pub fn step(self, step: &str) -> Self {
        let step = self.fill(step).into_owned();
        self.change(|own| own.steps.push(step))
    }

    fn change(self, change: impl FnOnce(&mut Own)) -> Self {
        let mut own = match self.0 {
            Source::Own(own) => own,
            Source::Usual { code, steps } => Box::new(Own::compiled(code, steps, None)),
            Source::Fixed { key, steps, link } => Box::new(Own::compiled(key, steps, link)),
        };
        change(&mut own);
        Self(Source::Own(own))
    }

    /// Under what a table of texts holds it.
    #[must_use]
    pub fn key(&self) -> &str {
        match &self.0 {
            Source::Usual { code: key, .. } | Source::Fixed { key, .. } => key,
            Source::Own(own) => &own.key,
        }
    }

    /// The steps, in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        let (compiled, own): (&[&str], &[String]) = match &self.0 {
            Source::Usual { steps, .. } | Source::Fixed { steps, .. } => (steps, &[]),
            Source::Own(own) => (&[], &own.steps),
        };
        (0..compiled.len() + own.len()).map(|at| compiled.get(at).copied().unwrap_or_else(|| &own[at]))
    }

    /// Whether it is the text of a cause's table, which a store need not keep.
    pub(super) fn is_usual(&self) -> bool {
        matches!(self.0, Source::Usual { .. })
    }

    /// Where it is described, if that is known.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        match &self.0 {
            Source::Usual { .. } => None,
            Source::Fixed { link, .. } => *link,
            Source::Own(own) => own.link.as_deref(),
        }
    }

    /// What the names in the steps stand for.
    pub fn values(&self) -> impl Iterator<Item = (&str, &ServiceText)> {
        let values = match &self.0 {
            Source::Usual { .. } | Source::Fixed { .. } => None,
            Source::Own(own) => Some(&own.values),
        };
        values.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    fn named(&self, name: &str) -> Option<&str> {
        self.values().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// `template` with its `{names}` replaced, in one pass: a value is never read as a template.
    pub(super) fn fill<'a>(&self, template: &'a str) -> Cow<'a, str> {
        if self.values().next().is_none() {
            return Cow::Borrowed(template);
        }
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let named = after.split_once('}').and_then(|(name, tail)| Some((self.named(name)?, tail)));
            rest = match named {
                Some((value, tail)) => {
                    out.push_str(value);
                    tail
                }
                None => {
                    out.push('{');
                    after
                }
            };
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}

/// The steps on one line.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(step)?;
        }
        Ok(())
    }
}

/// By what it says, wherever that stands.
impl PartialEq for Remedy {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
            && self.link() == other.link()
            && self.steps().eq(other.steps())
            && self.values().eq(other.values())
    }
}

impl Eq for Remedy {}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values: BTreeMap<_, _> = self.values().collect();
        let mut out = serializer.serialize_struct("Remedy", 4)?;
        out.serialize_field("key", self.key())?;
        out.serialize_field("steps", &self.steps().collect::<Vec<_>>())?;
        match self.link() {
            Some(link) => out.serialize_field("link", link)?,
            None => out.skip_field("link")?,
        }
        match values.is_empty() {
            false => out.serialize_field("values", &values)?,
            true => out.skip_field("values")?,
        }
        out.end()
    }
}

impl Own {
    fn compiled(key: &'static str, steps: &[&str], link: Option<&'static str>) -> Self {
        Self {
            key: Cow::Borrowed(key),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            link: link.map(Cow::Borrowed),
            values: BTreeMap::new(),
        }
    }
}

/// A remedy as it rests in a store: older ones are a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Whole {
        key: String,
        steps: Vec<String>,
        #[serde(default)]
        link: Option<String>,
        #[serde(default)]
        values: BTreeMap<String, ServiceText>,
    },
}

impl From<Stored> for Remedy {
    fn from(stored: Stored) -> Self {
        let own = match stored {
            Stored::Text(text) => {
                Own { key: Cow::Borrowed(Self::UNKEYED), steps: vec![text], ..Own::default() }
            }
            Stored::Whole { key, steps, link, values } => {
                let link = link.filter(|link| is_https(link)).map(Cow::Owned);
                Own { key: Cow::Owned(key), steps, link, values }
            }
        };
        Self(Source::Own(Box::new(own)))
    }
}

const fn is_https(link: &str) -> bool {
    matches!(link.as_bytes(), [b'h', b't', b't', b'p', b's', b':', b'/', b'/', _, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_survives_storage() {
        let fixed = Remedy::documented("acme.a", &["Do this.", "Then that."], "https://acme.example/a");
        let own = Remedy::new("acme.b").value("role", "Clerk").step("Give the role {role}.");
        for remedy in [fixed, own] {
            let text = serde_json::to_string(&remedy).unwrap();
            assert_eq!(serde_json::from_str::<Remedy>(&text).unwrap(), remedy, "{text}");
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let remedy = Remedy::new("k").value("a", "{b}").value("b", "x\u{1b}[1m").step("{a} {b} {c} {");
        assert_eq!(remedy.to_string(), "{b} x [1m {c} {");
    }

    #[test]
    fn a_step_can_follow_fixed_ones() {
        let remedy = Remedy::fixed("k", &["One."]).step("Two.");
        assert_eq!(remedy.steps().collect::<Vec<_>>(), ["One.", "Two."]);
        assert_eq!(remedy, Remedy::fixed("k", &["One.", "Two."]));
    }

    #[test]
    fn a_stored_link_that_is_not_https_is_dropped() {
        for (link, kept) in [
            ("https://a.example/x", true),
            ("http://a.example", false),
            ("javascript:x", false),
            ("https://", false),
        ] {
            let text = format!(r#"{{"key":"k","steps":["S."],"link":"{link}"}}"#);
            assert_eq!(serde_json::from_str::<Remedy>(&text).unwrap().link().is_some(), kept, "{link}");
        }
    }
}
