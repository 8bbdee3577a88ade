//! The standard objects that are known by name, and what opens each.
//!
//! An org has many more; those are judged by their descriptions alike. What is here serves to tell a typo from an
//! object that is closed, a hidden field from one that does not exist, and what to call what is missing.

use trunkline_core::permission::{Action, Operation};

use super::layer::{self, System};
use crate::objects as name;

pub(super) const ACTIONS: [Action; 5] =
    [Action::LIST, Action::READ, Action::CREATE, Action::UPDATE, Action::DELETE];

/// What lets a user work with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// Object permissions of its own.
    ByObject,
    /// System permissions, to read and to write; without one, everybody may.
    BySystem { read: Option<System>, write: System },
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The first three characters of its records' ids.
    pub(super) prefix: &'static str,
    pub(super) opened: Opened,
    /// What the service does not do with it, whoever asks.
    never: &'static [Action],
    /// Wanted on create: such fields have no field permissions.
    pub(super) required: &'static [&'static str],
    /// Fields with field permissions, so that one that is missing in a description is hidden. Not all there are.
    pub(super) fields: &'static [&'static str],
}

const fn row(name: &'static str, prefix: &'static str) -> Row {
    Row { name, prefix, opened: Opened::ByObject, never: &[], required: &[], fields: &[] }
}

const fn system(name: &'static str, prefix: &'static str, read: Option<System>, write: System) -> Row {
    let mut row = row(name, prefix);
    row.opened = Opened::BySystem { read, write };
    row
}

impl Row {
    const fn required(mut self, fields: &'static [&'static str]) -> Self {
        self.required = fields;
        self
    }

    const fn fields(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }

    const fn never(mut self, actions: &'static [Action]) -> Self {
        self.never = actions;
        self
    }

    pub(super) fn has(&self, action: &Action) -> bool {
        ACTIONS.contains(action) && !self.never.contains(action)
    }
}

const TABLE: &[Row] = &[
    row(name::ACCOUNT, "001").required(&["Name"]).fields(&[
        "AccountNumber",
        "AccountSource",
        "AnnualRevenue",
        "BillingCity",
        "BillingCountry",
        "BillingPostalCode",
        "BillingState",
        "BillingStreet",
        "Description",
        "Fax",
        "Industry",
        "NumberOfEmployees",
        "Ownership",
        "ParentId",
        "Phone",
        "Rating",
        "ShippingCity",
        "ShippingCountry",
        "ShippingPostalCode",
        "ShippingState",
        "ShippingStreet",
        "Sic",
        "Site",
        "TickerSymbol",
        "Type",
        "Website",
    ]),
    row(name::CONTACT, "003").required(&["LastName"]).fields(&[
        "AccountId",
        "AssistantName",
        "AssistantPhone",
        "Birthdate",
        "Department",
        "Description",
        "Email",
        "Fax",
        "FirstName",
        "HomePhone",
        "LeadSource",
        "MailingCity",
        "MailingCountry",
        "MailingPostalCode",
        "MailingState",
        "MailingStreet",
        "MobilePhone",
        "OtherCity",
        "OtherPhone",
        "Phone",
        "ReportsToId",
        "Salutation",
        "Title",
    ]),
    row(name::LEAD, "00Q").required(&["LastName", "Company"]).fields(&[
        "AnnualRevenue",
        "City",
        "Country",
        "Description",
        "Email",
        "Fax",
        "FirstName",
        "Industry",
        "LeadSource",
        "MobilePhone",
        "NumberOfEmployees",
        "Phone",
        "PostalCode",
        "Rating",
        "Salutation",
        "State",
        "Status",
        "Street",
        "Title",
        "Website",
    ]),
    row(name::OPPORTUNITY, "006").required(&["Name", "StageName", "CloseDate"]).fields(&[
        "AccountId",
        "Amount",
        "CampaignId",
        "Description",
        "ExpectedRevenue",
        "LeadSource",
        "NextStep",
        "Pricebook2Id",
        "Probability",
        "TotalOpportunityQuantity",
        "Type",
    ]),
    row(name::CASE, "500").fields(&[
        "AccountId",
        "ContactId",
        "Description",
        "Origin",
        "ParentId",
        "Priority",
        "Reason",
        "Status",
        "Subject",
        "SuppliedEmail",
        "SuppliedName",
        "SuppliedPhone",
        "Type",
    ]),
    row(name::CAMPAIGN, "701").required(&["Name"]).fields(&[
        "ActualCost",
        "BudgetedCost",
        "Description",
        "EndDate",
        "ExpectedResponse",
        "ExpectedRevenue",
        "IsActive",
        "NumberSent",
        "ParentId",
        "StartDate",
        "Status",
        "Type",
    ]),
    row(name::PRODUCT, "01t").required(&["Name"]).fields(&[
        "Description",
        "Family",
        "IsActive",
        "ProductCode",
    ]),
    row(name::PRICE_BOOK, "01s").required(&["Name"]).fields(&["Description", "IsActive"]),
    row(name::CONTRACT, "800").required(&["AccountId"]).fields(&[
        "BillingCity",
        "ContractTerm",
        "CustomerSignedDate",
        "Description",
        "SpecialTerms",
        "StartDate",
    ]),
    row(name::ORDER, "801").fields(&["BillingCity", "Description", "PoNumber", "ShippingCity", "Type"]),
    row(name::ASSET, "02i").required(&["Name"]).fields(&[
        "AccountId",
        "ContactId",
        "Description",
        "InstallDate",
        "Price",
        "Product2Id",
        "PurchaseDate",
        "Quantity",
        "SerialNumber",
        "Status",
        "UsageEndDate",
    ]),
    row(name::QUOTE, "0Q0").required(&["Name"]),
    row(name::WORK_ORDER, "0WO"),
    row(name::SERVICE_CONTRACT, "810").required(&["Name"]),
    row(name::ENTITLEMENT, "550").required(&["Name"]),
    row(name::SOLUTION, "501"),
    row(name::INDIVIDUAL, "0PK").required(&["LastName"]),
    // Activities have no object permissions.
    system(name::TASK, "00T", Some(layer::ACTIVITIES), layer::EDIT_TASKS),
    system(name::EVENT, "00U", Some(layer::ACTIVITIES), layer::EDIT_EVENTS),
    // A user is deactivated, and never deleted.
    system(name::USER, "005", None, layer::MANAGE_USERS).never(&[Action::DELETE]),
    system(name::PERMISSION_SET, "0PS", Some(layer::VIEW_SETUP), layer::PERMISSION_SETS),
    system(name::PERMISSION_SET_ASSIGNMENT, "0Pa", Some(layer::VIEW_SETUP), layer::ASSIGN),
    system(name::OBJECT_PERMISSIONS, "110", Some(layer::VIEW_SETUP), layer::PERMISSION_SETS),
    system(name::FIELD_PERMISSIONS, "01k", Some(layer::VIEW_SETUP), layer::PERMISSION_SETS),
];

/// Fields that every object has, or that no object has field permissions for: `Name` is required or compound.
const UNPERMITTED: &[&str] = &[
    "Id",
    "Name",
    "OwnerId",
    "IsDeleted",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
];

/// Standard objects that belong to another one, by what is added to its name.
const DERIVED: &[&str] = &["ChangeEvent", "Feed", "History", "Share", "Tag", "TeamMember"];

/// An object by its name, in whatever case.
pub(super) fn find(object: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(object))
}

/// The object of a record, by the beginning of its id.
pub(super) fn of_id(id: &str) -> Option<&'static Row> {
    let prefix = id.get(..3)?;
    TABLE.iter().find(|row| row.prefix == prefix)
}

/// Whether a record can be one of the object, as far as its id tells.
pub(super) fn may_be_of(id: &str, object: &str) -> bool {
    of_id(id).is_none_or(|row| row.name.eq_ignore_ascii_case(object))
}

/// Whether a customer made the object, by what its name ends with.
pub(super) fn is_custom(object: &str) -> bool {
    ends_with(object, "__c")
}

/// Whether the name is of a kind that has no list: made by a customer, or belonging to another object.
pub(super) fn is_of_org(object: &str) -> bool {
    let derived = |suffix: &&str| {
        ends_with(object, suffix) && {
            let base = &object[..object.len() - suffix.len()];
            find(base).is_some()
        }
    };
    object.contains("__") || DERIVED.iter().any(derived)
}

fn ends_with(text: &str, suffix: &str) -> bool {
    let at = text.len().checked_sub(suffix.len());
    at.and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// Whether no field permission decides about the field, as far as names tell.
pub(super) fn is_unpermitted(row: Option<&Row>, field: &str) -> bool {
    let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(field));
    is_in(UNPERMITTED) || row.is_some_and(|row| is_in(row.required))
}

/// Salesforce's spelling of a field that it gives the object and that field permissions decide about; `None` for
/// any other.
pub(super) fn field(row: Option<&'static Row>, field: &str) -> Option<&'static str> {
    row?.fields.iter().copied().find(|known| known.eq_ignore_ascii_case(field))
}

pub(super) fn known() -> Vec<Operation> {
    let of_row = |row: &'static Row| {
        let actions = ACTIONS.into_iter().filter(|action| row.has(action));
        actions.map(|action| Operation::constant(action, row.name))
    };
    TABLE.iter().flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_object_stands_once_with_an_id_of_its_own() {
        let (mut names, mut prefixes) = (HashSet::new(), HashSet::new());
        for row in TABLE {
            assert!(names.insert(row.name.to_ascii_lowercase()), "{}", row.name);
            assert!(row.prefix.len() == 3 && prefixes.insert(row.prefix), "{}", row.prefix);
            for field in row.fields {
                assert!(!is_unpermitted(Some(row), field), "{}.{field}", row.name);
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_belong_to_an_org_by_their_ends() {
        assert_eq!(find("aCCount").unwrap().name, "Account");
        assert_eq!(of_id("003xx000003DGb2AAG").unwrap().name, "Contact");
        for object in ["Invoice__c", "ns__Invoice__C", "Rate__mdt", "AccountFeed", "contacthistory"] {
            assert!(is_of_org(object), "{object}");
        }
        for object in ["Acount", "UnicornFeed", "Account", "Feed", "é"] {
            assert!(!is_of_org(object), "{object}");
        }
    }
}
