//! What an operation is about: an object, one of its fields, or one of its records.
//!
//! | spelt | about |
//! | --- | --- |
//! | `update:Account` | the object |
//! | `update:Account.Industry` | the field, and the object with it |
//! | `list:Contact.Account.Name` | a field that a relationship leads to |
//! | `update:Account/001xx000003DGb2AAG` | the record, and the object with it |

use trunkline_core::permission::Operation;

use crate::identity;

/// Longest name of an object or field that is read, in bytes: a namespace, a name and a suffix have fewer.
const MAX_NAME_BYTES: usize = 80;

/// Most names in a path; a query follows five relationships.
const MAX_NAMES: usize = 6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject<'a> {
    pub(super) object: &'a str,
    pub(super) part: Part<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Whole,
    /// A field, or relationships that lead to one, set apart by dots.
    Field(&'a str),
    /// A record, by its id in the long form.
    Record(String),
}

impl<'a> Subject<'a> {
    /// `None` for a spelling that Salesforce has no name of.
    pub(super) fn of(operation: &'a Operation) -> Option<Self> {
        Self::parse(operation.object())
    }

    fn parse(text: &'a str) -> Option<Self> {
        let (object, part) = if let Some((object, id)) = text.split_once('/') {
            (object, Part::Record(identity::long(id)?))
        } else if let Some((object, path)) = text.split_once('.') {
            (object, Part::Field(path).filter_path()?)
        } else {
            (text, Part::Whole)
        };
        is_name(object).then_some(Self { object, part })
    }

    /// The operation on another object of the same spelling.
    pub(super) fn respelt(&self, action: &trunkline_core::permission::Action, object: &str) -> Operation {
        let object = match &self.part {
            Part::Whole => object.to_owned(),
            Part::Field(path) => format!("{object}.{path}"),
            Part::Record(id) => format!("{object}/{id}"),
        };
        Operation::new(action.clone(), object)
    }
}

impl Part<'_> {
    fn filter_path(self) -> Option<Self> {
        match self {
            Part::Field(path) if !is_path(path) => None,
            part => Some(part),
        }
    }
}

/// Whether this can be the name of an object or field: a letter, then letters, digits and underscores.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether these are names, set apart by dots.
pub(super) fn is_path(text: &str) -> bool {
    text.split('.').count() <= MAX_NAMES && text.split('.').all(is_name)
}

/// Whether a segment of a path is a record's id rather than the name of a field: ids begin with the three
/// characters of their object, a digit among them.
pub(super) fn is_id(text: &str) -> bool {
    identity::long(text).is_some() && text.bytes().take(3).any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_about_an_object_a_field_or_a_record() {
        let id = "001xx000003DGb2AAG".to_owned();
        for (text, object, part) in [
            ("Account", "Account", Part::Whole),
            ("acme__Invoice__c", "acme__Invoice__c", Part::Whole),
            ("Account.Industry", "Account", Part::Field("Industry")),
            ("Contact.Account.Owner.Name", "Contact", Part::Field("Account.Owner.Name")),
            ("Account/001xx000003DGb2", "Account", Part::Record(id.clone())),
            ("Account/001xx000003DGb2AAG", "Account", Part::Record(id)),
        ] {
            assert_eq!(Subject::parse(text), Some(Subject { object, part }), "{text}");
        }
        let long = "x".repeat(81);
        for text in [
            "",
            "Acc ount",
            "Account.",
            ".Name",
            "Account/1",
            "1x",
            "A.B.C.D.E.F.G.H",
            "A/001xx000003DGb2/x",
            &long,
        ] {
            assert_eq!(Subject::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_fields_are_no_ids() {
        for id in ["001xx000003DGb2", "a00xx000003DGb2AAG"] {
            assert!(is_id(id), "{id}");
        }
        for name in ["BillingLatitude", "BillingCountryCode", "Customer_Key__c", "Name"] {
            assert!(!is_id(name), "{name}");
        }
    }
}
