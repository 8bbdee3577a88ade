//! The objects of the service: path, gating permissions, verbs and fields.
//!
//! Paths and permissions follow the mapping of the reference; field lists are shorter than the
//! service's own and say what the simulator treats specially.

use Verb::{Create, Delete, Read, Update};

/// A kind of record.
#[derive(Debug)]
pub(crate) struct ObjectType {
    /// `application/object`.
    pub(crate) path: &'static str,
    /// (module, permission); any one of them opens the object.
    pub(crate) permissions: &'static [(&'static str, &'static str)],
    pub(crate) verbs: &'static [Verb],
    pub(crate) fields: &'static [Field],
    pub(crate) identity: Identity,
    /// The object of its lines and the lines' field that names the owner.
    pub(crate) lines: Option<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Read,
    Create,
    Update,
    Delete,
}

/// Where a record's `id` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The caller names it.
    Given,
    /// The caller may name it, otherwise this prefix and the key.
    GivenOrNumbered(&'static str),
    /// It equals the key.
    Key,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) read_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any scalar or group.
    Plain,
    /// `{key}` or `{id}` of another object.
    Reference(&'static str),
    /// A list, which the query service cannot select.
    List,
}

const fn plain(name: &'static str) -> Field {
    Field { name, kind: Kind::Plain, required: false, read_only: false }
}

const fn required(name: &'static str) -> Field {
    Field { name, kind: Kind::Plain, required: true, read_only: false }
}

const fn read_only(name: &'static str) -> Field {
    Field { name, kind: Kind::Plain, required: false, read_only: true }
}

const fn reference(name: &'static str, target: &'static str) -> Field {
    Field { name, kind: Kind::Reference(target), required: false, read_only: false }
}

const fn required_reference(name: &'static str, target: &'static str) -> Field {
    Field { name, kind: Kind::Reference(target), required: true, read_only: false }
}

const fn list(name: &'static str) -> Field {
    Field { name, kind: Kind::List, required: false, read_only: false }
}

const ALL: &[Verb] = &[Read, Create, Update, Delete];
const READ: &[Verb] = &[Read];

const fn object(
    path: &'static str,
    permissions: &'static [(&'static str, &'static str)],
    fields: &'static [Field],
    identity: Identity,
) -> ObjectType {
    ObjectType { path, permissions, verbs: ALL, fields, identity, lines: None }
}

impl ObjectType {
    const fn verbs(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    const fn with_lines(mut self, path: &'static str, owner: &'static str) -> Self {
        self.lines = Some((path, owner));
        self
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

const LINE: &[Field] = &[
    reference("glAccount", "general-ledger/account"),
    plain("accountLabel"),
    plain("txnAmount"),
    plain("baseAmount"),
    plain("memo"),
    plain("dimensions"),
    reference("bill", "accounts-payable/bill"),
    reference("invoice", "accounts-receivable/invoice"),
    reference("journalEntry", "general-ledger/journal-entry"),
    plain("txnType"),
    read_only("lineNumber"),
];

const NAMED: &[Field] = &[required("name"), plain("description"), plain("status")];

/// The catalogue. Objects with the list `NAMED` carry only what most lists have in common.
pub(crate) static OBJECTS: &[ObjectType] = &[
    object(
        "accounts-payable/vendor",
        &[("accountsPayable", "vendors")],
        &[
            required("name"),
            plain("status"),
            plain("taxId"),
            plain("creditLimit"),
            plain("isOnHold"),
            plain("doNotPay"),
            plain("currency"),
            plain("notes"),
            plain("vendorAccountNumber"),
            plain("billingType"),
            plain("preferredPaymentMethod"),
            plain("contacts"),
            reference("vendorType", "accounts-payable/vendor-type"),
            reference("term", "accounts-payable/term"),
            reference("parent", "accounts-payable/vendor"),
            read_only("totalDue"),
        ],
        Identity::GivenOrNumbered("VEND-"),
    ),
    object("accounts-payable/vendor-type", &[("accountsPayable", "vendorTypes")], NAMED, Identity::Given),
    object("accounts-payable/term", &[("accountsPayable", "apTerms")], NAMED, Identity::Given),
    object(
        "accounts-payable/bill",
        &[("accountsPayable", "bills")],
        &[
            required_reference("vendor", "accounts-payable/vendor"),
            plain("billNumber"),
            plain("referenceNumber"),
            plain("description"),
            plain("createdDate"),
            plain("postingDate"),
            plain("dueDate"),
            plain("currency"),
            plain("attachment"),
            reference("term", "accounts-payable/term"),
            read_only("state"),
            read_only("totalTxnAmount"),
            read_only("totalTxnAmountDue"),
        ],
        Identity::Key,
    )
    .with_lines("accounts-payable/bill-line", "bill"),
    object("accounts-payable/bill-line", &[("accountsPayable", "bills")], LINE, Identity::Key).verbs(READ),
    object(
        "accounts-receivable/customer",
        &[("accountsReceivable", "customers"), ("orderEntry", "customers"), ("projects", "customers")],
        &[
            required("name"),
            plain("status"),
            plain("taxId"),
            plain("creditLimit"),
            plain("isOnHold"),
            plain("currency"),
            plain("notes"),
            plain("contacts"),
            reference("customerType", "accounts-receivable/customer-type"),
            reference("term", "accounts-receivable/term"),
            reference("parent", "accounts-receivable/customer"),
            read_only("totalDue"),
        ],
        Identity::GivenOrNumbered("CUST-"),
    ),
    object(
        "accounts-receivable/customer-type",
        &[("accountsReceivable", "customerTypes")],
        NAMED,
        Identity::Given,
    ),
    object("accounts-receivable/term", &[("accountsReceivable", "arTerms")], NAMED, Identity::Given),
    object(
        "accounts-receivable/invoice",
        &[("accountsReceivable", "invoices")],
        &[
            required_reference("customer", "accounts-receivable/customer"),
            plain("invoiceNumber"),
            plain("referenceNumber"),
            plain("description"),
            plain("invoiceDate"),
            plain("postingDate"),
            plain("dueDate"),
            plain("currency"),
            plain("attachment"),
            reference("term", "accounts-receivable/term"),
            read_only("state"),
            read_only("totalTxnAmount"),
            read_only("totalTxnAmountDue"),
        ],
        Identity::Key,
    )
    .with_lines("accounts-receivable/invoice-line", "invoice"),
    object("accounts-receivable/invoice-line", &[("accountsReceivable", "invoices")], LINE, Identity::Key)
        .verbs(READ),
    object(
        "general-ledger/account",
        &[("generalLedger", "accounts")],
        &[
            required("name"),
            plain("accountType"),
            plain("closingType"),
            plain("normalBalance"),
            plain("status"),
            plain("category"),
            plain("disallowDirectPosting"),
            plain("isTaxable"),
        ],
        Identity::Given,
    ),
    object("general-ledger/journal", &[("generalLedger", "journals")], NAMED, Identity::Given),
    object(
        "general-ledger/journal-entry",
        &[("generalLedger", "journalEntries")],
        &[
            required_reference("glJournal", "general-ledger/journal"),
            plain("description"),
            plain("postingDate"),
            plain("referenceNumber"),
            plain("reverseOnDate"),
            read_only("state"),
            read_only("txnNumber"),
        ],
        Identity::Key,
    )
    .with_lines("general-ledger/journal-entry-line", "journalEntry"),
    object("general-ledger/journal-entry-line", &[("generalLedger", "journalEntries")], LINE, Identity::Key)
        .verbs(READ),
    object("general-ledger/account-group", &[("generalLedger", "accountGroups")], NAMED, Identity::Given),
    object(
        "company-config/department",
        &[("company", "departments")],
        &[
            required("name"),
            plain("reportTitle"),
            plain("status"),
            reference("parent", "company-config/department"),
            reference("supervisor", "company-config/employee"),
        ],
        Identity::Given,
    ),
    object(
        "company-config/location",
        &[("company", "locations")],
        &[
            required("name"),
            plain("reportTitle"),
            plain("status"),
            reference("parent", "company-config/location"),
            reference("manager", "company-config/employee"),
        ],
        Identity::Given,
    ),
    object(
        "company-config/entity",
        &[("company", "entities"), ("multiEntity", "entities")],
        &[required("name"), plain("status"), plain("currency")],
        Identity::Given,
    ),
    object(
        "company-config/employee",
        &[("company", "employees")],
        &[
            plain("name"),
            plain("status"),
            plain("jobTitle"),
            plain("startDate"),
            plain("primaryContact"),
            reference("department", "company-config/department"),
            reference("location", "company-config/location"),
            reference("manager", "company-config/employee"),
        ],
        Identity::GivenOrNumbered("EMP-"),
    ),
    object("company-config/class", &[("company", "class")], NAMED, Identity::Given),
    object("company-config/contact", &[("company", "contacts")], &[plain("status")], Identity::Given),
    object(
        "company-config/user",
        &[("administration", "users")],
        &[
            plain("userName"),
            plain("accountEmail"),
            required("userType"),
            plain("adminPrivileges"),
            plain("status"),
            plain("webServices"),
            plain("password"),
            plain("sso"),
            plain("trustedDevices"),
            plain("entityAccess"),
            list("entities"),
            list("locations"),
            list("departments"),
            list("territories"),
            list("roles"),
            list("permissionAssignments"),
            list("customPermissionAssignments"),
            list("agentPermissionAssignments"),
            reference("contact", "company-config/contact"),
        ],
        Identity::Given,
    ),
    object(
        "company-config/user-group",
        &[("administration", "users")],
        &[plain("description"), list("roles")],
        Identity::Given,
    ),
    object(
        "company-config/user-group-member",
        &[("administration", "users")],
        &[
            required_reference("userGroup", "company-config/user-group"),
            required_reference("user", "company-config/user"),
        ],
        Identity::Key,
    )
    .verbs(&[Read, Create, Delete]),
    object(
        "company-config/role",
        &[("administration", "users")],
        &[
            plain("description"),
            plain("roleType"),
            plain("applyTo"),
            list("rolePermissionAssignments"),
            list("customRolePermissionAssignments"),
            list("agentRolePermissionAssignments"),
            list("roleUsers"),
            list("roleGroups"),
        ],
        Identity::Given,
    ),
    object(
        "company-config/role-permission-assignment",
        &[("administration", "users")],
        &[
            reference("role", "company-config/role"),
            reference("permission", "company-config/permission"),
            list("accessRights"),
        ],
        Identity::Key,
    )
    .verbs(&[Read, Update]),
    object(
        "company-config/permission",
        &[("administration", "users")],
        &[plain("module"), plain("name"), plain("permissionGroup"), list("allowedAccessRights")],
        Identity::Key,
    )
    .verbs(READ),
    // Of these the simulator treats nothing specially.
    object("accounts-payable/vendor-group", &[("accountsPayable", "vendorGroups")], NAMED, Identity::Given),
    object("accounts-payable/adjustment", &[("accountsPayable", "adjustments")], NAMED, Identity::Given),
    object("accounts-payable/advance", &[("accountsPayable", "apAdvances")], NAMED, Identity::Given),
    object(
        "accounts-payable/account-label",
        &[("accountsPayable", "apAccountLabels")],
        NAMED,
        Identity::Given,
    ),
    object(
        "accounts-payable/recurring-bill",
        &[("accountsPayable", "recurringBills")],
        NAMED,
        Identity::Given,
    ),
    object(
        "accounts-receivable/adjustment",
        &[("accountsReceivable", "adjustments")],
        NAMED,
        Identity::Given,
    ),
    object(
        "accounts-receivable/payment",
        &[("accountsReceivable", "managePayments")],
        NAMED,
        Identity::Given,
    )
    .verbs(&[Read, Create, Delete]),
    object("accounts-receivable/territory", &[("accountsReceivable", "territories")], NAMED, Identity::Given),
    object(
        "general-ledger/statistical-account",
        &[("generalLedger", "statisticalAccounts")],
        NAMED,
        Identity::Given,
    ),
    object(
        "general-ledger/reporting-period",
        &[("generalLedger", "reportingPeriods")],
        NAMED,
        Identity::Given,
    ),
    object("general-ledger/budget", &[("generalLedger", "budgets")], NAMED, Identity::Given),
    object("company-config/employee-type", &[("company", "employeeTypes")], NAMED, Identity::Given),
    object("company-config/folder", &[("company", "attachmentFolders")], NAMED, Identity::Given),
    object("company-config/exchange-rate", &[("company", "exchangeRate")], NAMED, Identity::Given),
    object("time/time-type", &[("time", "timeTypes")], NAMED, Identity::Given),
    object("projects/task", &[("projects", "tasks")], NAMED, Identity::Given),
    object("projects/project-type", &[("projects", "projectTypes")], NAMED, Identity::Given),
    object("inventory-control/item-group", &[("inventoryControl", "itemGroups")], NAMED, Identity::Given),
    object("order-entry/price-list", &[("orderEntry", "priceLists")], NAMED, Identity::Given),
    object("purchasing/price-list", &[("purchasing", "priceLists")], NAMED, Identity::Given),
    object(
        "cash-management/checking-account",
        &[("cashManagement", "checkingAccounts")],
        NAMED,
        Identity::Given,
    ),
    object("cash-management/bank-feed", &[("cashManagement", "bankFeeds")], NAMED, Identity::Given)
        .verbs(&[Read, Create, Delete]),
    object("tax/tax-detail", &[("taxes", "taxDetail")], NAMED, Identity::Given).verbs(READ),
    object("expenses/employee-expense-type", &[("expenses", "expenseTypes")], NAMED, Identity::Given),
    object("projects/project", &[("projects", "projects")], NAMED, Identity::Given),
    object(
        "inventory-control/item",
        &[("inventoryControl", "items"), ("orderEntry", "items"), ("purchasing", "items")],
        &[required("name"), plain("status"), plain("itemType")],
        Identity::Given,
    ),
    object("inventory-control/warehouse", &[("inventoryControl", "warehouses")], NAMED, Identity::Given),
    object("cash-management/deposit", &[("cashManagement", "deposits")], &[], Identity::Key).verbs(READ),
    object("order-entry/document", &[("orderEntry", "orderEntryTransactions")], &[], Identity::Key),
    object("purchasing/document", &[("purchasing", "purchasingTransactions")], &[], Identity::Key),
];

/// Fields every record has.
pub(crate) const COMMON: &[&str] = &["key", "id", "href", "audit", "entity"];

/// Finds an object by path; a document type (`order-entry/document::Sales Invoice`) is a variant of its object.
pub(crate) fn find(path: &str) -> Option<&'static ObjectType> {
    let base = path.split("::").next().unwrap_or(path);
    OBJECTS.iter().find(|object| object.path == base)
}
