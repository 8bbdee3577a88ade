//! What was read of one user: descriptions of objects as the user sees them, and access to records.

use std::collections::HashMap;

use serde::Deserialize;
use trunkline_core::permission::Permission;

use super::layer::Share;

/// Most fields of a description that are kept; Salesforce allows fewer. A bound of ours.
pub(super) const MAX_FIELDS: usize = 10_000;

/// Longest name that is looked up without allocating, in bytes.
const SHORT: usize = 80;

/// Things by their names, which Salesforce compares without case.
#[derive(Debug)]
pub(super) struct Names<T>(Vec<Entry<T>>);

#[derive(Debug)]
struct Entry<T> {
    /// The name in lower case, by which entries are sorted.
    key: Box<[u8]>,
    name: Box<str>,
    value: T,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Names<T> {
    fn place(&self, name: &str) -> Result<usize, usize> {
        let by = |key: &[u8]| self.0.binary_search_by(|entry| (*entry.key).cmp(key));
        let mut short = [0; SHORT];
        match short.get_mut(..name.len()) {
            Some(key) => {
                key.copy_from_slice(name.as_bytes());
                key.make_ascii_lowercase();
                by(key)
            }
            None => by(name.to_ascii_lowercase().as_bytes()),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(self.place(name).ok()?).map(|entry| &entry.value)
    }

    /// The name as Salesforce spells it.
    pub(super) fn spelt(&self, name: &str) -> Option<&str> {
        self.0.get(self.place(name).ok()?).map(|entry| &*entry.name)
    }

    /// One that is there already stays.
    pub(super) fn insert(&mut self, name: &str, value: T) {
        if let Err(place) = self.place(name) {
            self.0.insert(place, Entry::new(name.into(), value));
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| &*entry.name)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|entry| &entry.value)
    }
}

impl<T> Entry<T> {
    fn new(name: Box<str>, value: T) -> Self {
        Self { key: name.to_ascii_lowercase().into_bytes().into(), name, value }
    }
}

impl<T> FromIterator<(Box<str>, T)> for Names<T> {
    fn from_iter<I: IntoIterator<Item = (Box<str>, T)>>(entries: I) -> Self {
        let mut all: Vec<_> = entries.into_iter().map(|(name, value)| Entry::new(name, value)).collect();
        all.sort_by(|left, right| left.key.cmp(&right.key));
        all.dedup_by(|later, first| later.key == first.key);
        Self(all)
    }
}

/// An object as this user sees it.
#[derive(Debug)]
pub(super) struct Description {
    /// As Salesforce spells it.
    pub(super) name: Box<str>,
    pub(super) queryable: bool,
    pub(super) retrieveable: bool,
    pub(super) createable: bool,
    pub(super) updateable: bool,
    pub(super) deletable: bool,
    /// Fields that the user may read: the others are not described.
    pub(super) fields: Names<Field>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) createable: bool,
    pub(super) updateable: bool,
    /// Whether field permissions decide about it.
    pub(super) permissionable: bool,
    /// Whether Salesforce works it out, so that nobody writes it.
    pub(super) calculated: bool,
    pub(super) relation: Option<Box<Relation>>,
}

/// Where a reference leads.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) name: Box<str>,
    /// More than one for a reference to objects of several kinds.
    pub(super) targets: Vec<Box<str>>,
}

impl Description {
    /// The relationship of that name.
    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        let relations = self.fields.values().filter_map(|field| field.relation.as_deref());
        let mut named = relations.filter(|relation| relation.name.eq_ignore_ascii_case(name));
        named.next()
    }

    /// Reads the answer of `describe`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for a person.
    pub(super) fn read(body: &[u8]) -> Result<Self, &'static str> {
        let told: Told =
            serde_json::from_slice(body).map_err(|_| "Salesforce's description of it makes no sense")?;
        if told.fields.len() > MAX_FIELDS {
            return Err("it has more fields than are read");
        }
        Ok(Self {
            name: told.name.into(),
            queryable: told.queryable,
            retrieveable: told.retrieveable,
            createable: told.createable,
            updateable: told.updateable,
            deletable: told.deletable,
            fields: told.fields.into_iter().map(ToldField::kept).collect(),
        })
    }
}

/// What a description says; the rest of it, most of the text, is passed over.
#[derive(Deserialize)]
struct Told {
    name: String,
    queryable: bool,
    retrieveable: bool,
    createable: bool,
    updateable: bool,
    deletable: bool,
    fields: Vec<ToldField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldField {
    name: String,
    createable: bool,
    updateable: bool,
    #[serde(default)]
    permissionable: bool,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    reference_to: Option<Vec<String>>,
    #[serde(default)]
    relationship_name: Option<String>,
}

impl ToldField {
    fn kept(self) -> (Box<str>, Field) {
        let targets = self.reference_to.unwrap_or_default();
        let relation = self.relationship_name.map(|name| {
            let targets = targets.into_iter().map(String::into_boxed_str).collect();
            Box::new(Relation { name: name.into(), targets })
        });
        let field = Field {
            createable: self.createable,
            updateable: self.updateable,
            permissionable: self.permissionable,
            calculated: self.calculated,
            relation,
        };
        (self.name.into(), field)
    }
}

/// What asking for an object's description told.
#[derive(Debug)]
pub(super) enum Seen {
    Open(Description),
    /// As if there were none: it is closed to this user, or there is none.
    Absent,
    /// The org or the user lacks the feature that has it.
    NotEnabled,
    /// It could not be read, for this reason.
    Unreadable(&'static str),
}

/// The rights of a connection.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What every call is refused for, whatever it is about.
    pub(super) gate: Option<Permission>,
    pub(super) objects: Names<Seen>,
    /// Records that were asked for, by their ids: what sharing and object permissions leave. `None` where
    /// Salesforce did not say.
    pub(super) records: HashMap<String, Option<Access>>,
}

/// What a user may do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) read: bool,
    pub(super) edit: bool,
    pub(super) delete: bool,
}

impl Access {
    pub(super) fn has(self, share: Share) -> bool {
        match share {
            Share::Read => self.read,
            Share::Edit => self.edit,
            Share::Delete => self.delete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_case_and_kept_once() {
        let mut names: Names<u8> =
            [("Name".into(), 1), ("Industry".into(), 2), ("NAME".into(), 3)].into_iter().collect();
        assert_eq!((names.get("name"), names.get("INDUSTRY"), names.get("Nam")), (Some(&1), Some(&2), None));
        names.insert("industry", 9);
        names.insert("Amount", 4);
        assert_eq!(names.names().collect::<Vec<_>>(), ["Amount", "Industry", "Name"]);
        assert_eq!((names.get("industry"), names.spelt("INDUSTRY")), (Some(&2), Some("Industry")));
    }

    #[test]
    fn a_description_without_its_flags_is_no_description() {
        let whole = r#"{"name":"A","queryable":true,"retrieveable":true,"createable":true,"updateable":false,
            "deletable":false,"fields":[{"name":"B","createable":true,"updateable":false,"referenceTo":["C"],
            "relationshipName":"D","picklistValues":[{"x":1}]}],"other":{}}"#;
        let read = Description::read(whole.as_bytes()).unwrap();
        assert!(read.createable && !read.updateable && read.fields.get("b").unwrap().createable);
        assert_eq!(read.relation("d").unwrap().targets, ["C".into()]);
        for bad in ["", "[]", "{}", &whole.replace("\"createable\":true,\"updateable\":false,\n", "")] {
            assert!(Description::read(bad.as_bytes()).is_err(), "{bad}");
        }
        let field = r#"{"name":"B","createable":true,"updateable":false},"#;
        let many = whole.replace("\"fields\":[", &format!("\"fields\":[{}", field.repeat(MAX_FIELDS)));
        assert_eq!(Description::read(many.as_bytes()).unwrap_err(), "it has more fields than are read");
    }
}
