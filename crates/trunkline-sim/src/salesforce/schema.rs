//! Object types and their fields.

use std::collections::BTreeMap;

/// An object type of an org.
#[derive(Debug, Clone)]
pub(crate) struct ObjectType {
    pub(crate) name: String,
    pub(crate) key_prefix: String,
    pub(crate) access: Access,
    pub(crate) fields: Vec<Field>,
}

/// What lets a user work with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Object permissions, field permissions and sharing.
    Granted,
    /// Everybody reads it, nobody writes it.
    Open,
    /// "View Setup and Configuration" reads it, "Modify All Data" writes it.
    Setup,
    /// Assignments of permission sets: the same, "Assign Permission Sets" or "Manage Users".
    Assignment,
    /// Rows are made for each query, from what the user may do.
    Computed,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    /// The type as describe names it.
    pub(crate) kind: String,
    /// Wanted on create; such fields have no field permissions.
    pub(crate) required: bool,
    /// Written by the service alone.
    pub(crate) system: bool,
    /// Usable as the key of an upsert. Nothing keeps two records from having the same value.
    pub(crate) external_id: bool,
    /// Object and relationship of a reference.
    pub(crate) reference: Option<(String, String)>,
}

impl Field {
    /// Reads `kind`, with `!` for required, `@` for system, `~` for external id, and
    /// `>Object.Relationship`.
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let (text, reference) = match text.split_once('>') {
            Some((text, reference)) => (text, reference.split_once('.')),
            None => (text, None),
        };
        let has = |mark: char| text.contains(mark);
        Self {
            name: name.to_owned(),
            kind: text.trim_end_matches(['!', '@', '~']).to_owned(),
            required: has('!'),
            system: has('@'),
            external_id: has('~'),
            reference: reference.map(|(object, relation)| (object.to_owned(), relation.to_owned())),
        }
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether field permissions decide about it. They do not about required and system fields.
    pub(crate) fn is_permissionable(&self) -> bool {
        !self.required && !self.system && self.name != "OwnerId"
    }
}

impl ObjectType {
    /// A field by its name in any case, as the service takes it.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// A reference field by the name of its relationship.
    pub(crate) fn relationship(&self, name: &str) -> Option<(&Field, &str)> {
        self.fields.iter().find_map(|field| {
            let (object, relation) = field.reference.as_ref()?;
            relation.eq_ignore_ascii_case(name).then_some((field, object.as_str()))
        })
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }
}

/// Fields that every record has.
const COMMON: &[(&str, &str)] = &[
    ("Id", "id@"),
    ("IsDeleted", "boolean@"),
    ("CreatedDate", "datetime@"),
    ("CreatedById", "reference@>User.CreatedBy"),
    ("LastModifiedDate", "datetime@"),
    ("LastModifiedById", "reference@>User.LastModifiedBy"),
    ("SystemModstamp", "datetime@"),
];

const OWNER: (&str, &str) = ("OwnerId", "reference>User.Owner");

/// Name, key prefix, access, fields.
type Seed = (&'static str, &'static str, Access, &'static [(&'static str, &'static str)]);

const OBJECTS: &[Seed] = &[
    (
        "Account",
        "001",
        Access::Granted,
        &[
            ("Name", "string!"),
            ("AccountNumber", "string"),
            ("Industry", "picklist"),
            ("Type", "picklist"),
            ("Phone", "phone"),
            ("Website", "url"),
            ("AnnualRevenue", "currency"),
            ("NumberOfEmployees", "int"),
            ("Description", "textarea"),
            ("BillingCity", "string"),
            ("BillingCountry", "string"),
            ("ParentId", "reference>Account.Parent"),
            ("Customer_Key__c", "string~"),
        ],
    ),
    (
        "Contact",
        "003",
        Access::Granted,
        &[
            ("LastName", "string!"),
            ("FirstName", "string"),
            ("Name", "string@"),
            ("Email", "email"),
            ("Phone", "phone"),
            ("Title", "string"),
            ("AccountId", "reference>Account.Account"),
        ],
    ),
    (
        "Opportunity",
        "006",
        Access::Granted,
        &[
            ("Name", "string!"),
            ("StageName", "picklist!"),
            ("CloseDate", "date!"),
            ("Amount", "currency"),
            ("Probability", "double"),
            ("Description", "textarea"),
            ("AccountId", "reference>Account.Account"),
        ],
    ),
    (
        "Lead",
        "00Q",
        Access::Granted,
        &[
            ("LastName", "string!"),
            ("Company", "string!"),
            ("FirstName", "string"),
            ("Name", "string@"),
            ("Email", "email"),
            ("Status", "picklist"),
        ],
    ),
    (
        "Invoice__c",
        "a00",
        Access::Granted,
        &[
            ("Name", "string!"),
            ("Invoice_Key__c", "string~"),
            ("Amount__c", "currency"),
            ("Due_Date__c", "date"),
            ("Paid__c", "boolean"),
            ("Account__c", "reference>Account.Account__r"),
        ],
    ),
    (
        "User",
        "005",
        Access::Open,
        &[
            ("Username", "string!"),
            ("LastName", "string!"),
            ("FirstName", "string"),
            ("Name", "string@"),
            ("Email", "email!"),
            ("IsActive", "boolean@"),
            ("ProfileId", "reference!>Profile.Profile"),
        ],
    ),
    ("Profile", "00e", Access::Open, &[("Name", "string!"), ("UserType", "picklist@")]),
    (
        "Organization",
        "00D",
        Access::Open,
        &[("Name", "string!"), ("IsSandbox", "boolean@"), ("OrganizationType", "picklist@")],
    ),
    (
        "PermissionSet",
        "0PS",
        Access::Setup,
        &[
            ("Name", "string!"),
            ("Label", "string!"),
            ("IsOwnedByProfile", "boolean@"),
            ("ProfileId", "reference@>Profile.Profile"),
            ("Type", "picklist@"),
            ("PermissionsApiEnabled", "boolean"),
            ("PermissionsViewSetup", "boolean"),
            ("PermissionsViewAllData", "boolean"),
            ("PermissionsModifyAllData", "boolean"),
            ("PermissionsManageUsers", "boolean"),
            ("PermissionsAssignPermissionSets", "boolean"),
            ("PermissionsCustomizeApplication", "boolean"),
        ],
    ),
    (
        "PermissionSetAssignment",
        "0Pa",
        Access::Assignment,
        &[
            ("AssigneeId", "reference!>User.Assignee"),
            ("PermissionSetId", "reference!>PermissionSet.PermissionSet"),
            ("IsActive", "boolean@"),
            ("ExpirationDate", "datetime"),
        ],
    ),
    (
        "ObjectPermissions",
        "110",
        Access::Setup,
        &[
            ("ParentId", "reference!>PermissionSet.Parent"),
            ("SobjectType", "picklist!"),
            ("PermissionsRead", "boolean"),
            ("PermissionsCreate", "boolean"),
            ("PermissionsEdit", "boolean"),
            ("PermissionsDelete", "boolean"),
            ("PermissionsViewAllRecords", "boolean"),
            ("PermissionsModifyAllRecords", "boolean"),
        ],
    ),
    (
        "FieldPermissions",
        "01k",
        Access::Setup,
        &[
            ("ParentId", "reference!>PermissionSet.Parent"),
            ("SobjectType", "picklist!"),
            ("Field", "picklist!"),
            ("PermissionsRead", "boolean"),
            ("PermissionsEdit", "boolean"),
        ],
    ),
    (
        "UserEntityAccess",
        "",
        Access::Computed,
        &[
            ("DurableId", "string@"),
            ("UserId", "reference@>User.User"),
            ("EntityDefinitionId", "string@"),
            ("IsReadable", "boolean@"),
            ("IsCreatable", "boolean@"),
            ("IsEditable", "boolean@"),
            ("IsDeletable", "boolean@"),
            ("IsUndeletable", "boolean@"),
            ("IsMergeable", "boolean@"),
        ],
    ),
    (
        "UserFieldAccess",
        "",
        Access::Computed,
        &[
            ("DurableId", "string@"),
            ("UserId", "reference@>User.User"),
            ("EntityDefinitionId", "string@"),
            ("FieldDefinitionId", "string@"),
            ("IsAccessible", "boolean@"),
            ("IsCreatable", "boolean@"),
            ("IsUpdatable", "boolean@"),
        ],
    ),
    (
        "UserRecordAccess",
        "",
        Access::Computed,
        &[
            ("UserId", "reference@>User.User"),
            ("RecordId", "string@"),
            ("HasReadAccess", "boolean@"),
            ("HasEditAccess", "boolean@"),
            ("HasDeleteAccess", "boolean@"),
            ("HasTransferAccess", "boolean@"),
            ("MaxAccessLevel", "picklist@"),
        ],
    ),
    (
        "OauthToken",
        "",
        Access::Computed,
        &[
            ("AppName", "string@"),
            ("UserId", "reference@>User.User"),
            ("LastUsedDate", "datetime@"),
            ("UseCount", "int@"),
            ("RequestToken", "string@"),
            ("DeleteToken", "string@"),
        ],
    ),
];

/// The object types of a fresh org, by name.
pub(crate) fn catalogue() -> BTreeMap<String, ObjectType> {
    OBJECTS
        .iter()
        .map(|(name, key_prefix, access, fields)| {
            let own = fields.iter().map(|(name, text)| Field::parse(name, text));
            let fields = match access {
                Access::Computed => own.collect(),
                Access::Granted => common().chain([Field::parse(OWNER.0, OWNER.1)]).chain(own).collect(),
                _ => common().chain(own).collect(),
            };
            let key_prefix = (*key_prefix).to_owned();
            ((*name).to_owned(), ObjectType { name: (*name).to_owned(), key_prefix, access: *access, fields })
        })
        .collect()
}

fn common() -> impl Iterator<Item = Field> {
    COMMON.iter().map(|(name, text)| Field::parse(name, text))
}

/// A custom object with a name and an owner, and no other field yet.
pub(crate) fn custom_object(name: &str, key_prefix: &str) -> ObjectType {
    let fields = common().chain([Field::parse(OWNER.0, OWNER.1), Field::parse("Name", "string!")]).collect();
    ObjectType { name: name.to_owned(), key_prefix: key_prefix.to_owned(), access: Access::Granted, fields }
}
