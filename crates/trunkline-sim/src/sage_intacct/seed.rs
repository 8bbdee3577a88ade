//! The companies, users and records that a fresh simulator has.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::catalogue::{OBJECTS, Verb, find};
use super::company::{AuthorisedClient, Company};
use super::record::Fields;
use super::workflow::WORKFLOWS;

/// The main company.
pub(crate) const COMPANY: &str = "acme-corp";
/// A Web Services user of the main company with every permission.
pub(crate) const USER: &str = "integration";
const ALL_RIGHTS: &[&str] = &["list", "readonly", "add", "modify", "delete"];

/// `acme-corp`, `globex`, and `acme-corp-sandbox`, which takes non-production applications only.
pub(crate) fn companies(password: &str, production: &str, sandbox: &str) -> Vec<Company> {
    vec![
        company(COMPANY, true, production, password, 250),
        company("globex", true, production, password, 12),
        company("acme-corp-sandbox", false, sandbox, password, 12),
    ]
}

fn company(id: &str, production: bool, client: &str, password: &str, vendors: usize) -> Company {
    let mut company = Company::new(id, production);
    let modules =
        OBJECTS.iter().flat_map(|object| object.permissions).map(|(module, _)| (*module).to_owned());
    company.subscriptions = modules.chain(["webServices".to_owned()]).collect();
    company
        .clients
        .insert(client.to_owned(), AuthorisedClient { active: true, ws_user: Some(USER.to_owned()) });
    company.entities = vec!["E100".to_owned(), "E200".to_owned()];
    permissions(&mut company);
    organisation(&mut company);
    roles(&mut company);
    users(&mut company, password);
    ledgers(&mut company);
    partners(&mut company, vendors);
    documents(&mut company);
    examples(&mut company);
    company
}

fn add(company: &mut Company, path: &str, id: Option<&str>, entity: Option<&str>, fields: Value) -> u64 {
    let (Some(object), Value::Object(fields)) = (find(path), fields) else { return 0 };
    company.insert(object, id.map(str::to_owned), entity.map(str::to_owned), fields)
}

fn refer(company: &Company, path: &str, id: &str) -> Value {
    company.by_id(path, id).map_or(Value::Null, |record| company.reference(path, record))
}

fn permissions(company: &mut Company) {
    let objects = OBJECTS.iter().flat_map(|object| object.permissions);
    let pairs: BTreeSet<_> = objects.chain(WORKFLOWS.iter().map(|workflow| &workflow.permission)).collect();
    for (module, name) in pairs {
        permission(company, module, name);
    }
}

/// Adds a row to the catalogue of permissions.
pub(crate) fn permission(company: &mut Company, module: &str, name: &str) {
    let opens = OBJECTS.iter().any(|object| object.permissions.contains(&(module, name)));
    let mut rights: Vec<&str> = if opens { ALL_RIGHTS.to_vec() } else { Vec::new() };
    let workflows = WORKFLOWS.iter().filter(|workflow| workflow.permission == (module, name));
    for right in workflows.flat_map(|workflow| workflow.all.iter().chain(workflow.any)) {
        if !rights.contains(right) {
            rights.push(right);
        }
    }
    let fields = json!({
        "module": module, "name": name, "permissionGroup": "activitiesAndLists",
        "allowedAccessRights": rights,
    });
    add(company, "company-config/permission", None, None, fields);
}

fn organisation(company: &mut Company) {
    for (id, name) in [("E100", "North"), ("E200", "South")] {
        let fields = json!({ "name": name, "status": "active", "currency": "USD" });
        add(company, "company-config/entity", Some(id), None, fields.clone());
        add(company, "company-config/location", Some(id), None, fields);
    }
    for (id, name) in [("100", "Sales"), ("200", "Operations"), ("300", "Finance")] {
        let fields = json!({ "name": name, "status": "active" });
        add(company, "company-config/department", Some(id), None, fields);
    }
    for (id, name) in [("EMP-001", "Ada Berg"), ("EMP-002", "Ben Cole"), ("EMP-003", "Cora Diaz")] {
        let department = refer(company, "company-config/department", "200");
        let fields = json!({ "name": name, "status": "active", "department": department });
        add(company, "company-config/employee", Some(id), None, fields);
    }
    for (id, name) in [("IT-1", "Consulting"), ("IT-2", "Paper")] {
        let fields = json!({ "name": name, "status": "active" });
        add(company, "inventory-control/item", Some(id), None, fields);
    }
}

/// Every right that a permission may give.
const EVERY: &[&str] = &["*"];

/// Role, and what it holds: (module, permission or `*`, rights).
type RoleSeed = (&'static str, &'static [(&'static str, &'static str, &'static [&'static str])]);

const ROLES: &[RoleSeed] = &[
    ("Integration", &[("*", "*", EVERY)]),
    ("Read Only", &[("*", "*", &["list", "readonly"])]),
    (
        "AP Clerk",
        &[
            ("accountsPayable", "vendors", &["list", "readonly", "add", "modify"]),
            ("accountsPayable", "bills", &["list", "readonly", "add", "modify"]),
        ],
    ),
    // Add without List, which the service takes as nothing.
    ("Add Only", &[("accountsPayable", "vendors", &["add"])]),
    ("Empty", &[]),
    ("User Administration", &[("administration", "users", ALL_RIGHTS)]),
    (
        "Auditor",
        &[
            ("administration", "users", &["list", "view"]),
            ("accountsPayable", "vendors", &["list", "view", "edit"]),
            ("orderEntry", "customers", &["list", "view"]),
            ("generalLedger", "journalEntries", &["list", "readonly", "add"]),
        ],
    ),
    (
        "AP Approver",
        &[
            ("administration", "users", &["list", "readonly"]),
            ("accountsPayable", "bills", &["list", "readonly", "reverse"]),
            ("accountsPayable", "approveBills", &["list", "level2"]),
            // A level without List, which the service takes as nothing.
            ("purchasing", "approvePurchaseTransaction", &["level1"]),
        ],
    ),
    // For administrators of other companies who slide in.
    ("Slide-In", &[("accountsReceivable", "invoices", &["list", "readonly", "add"])]),
];

fn roles(company: &mut Company) {
    for (id, grants) in ROLES {
        let applies = if *id == "Slide-In" { "slideInOnly" } else { "loginAndSlideIn" };
        let fields = json!({ "description": id, "roleType": "enterprise", "applyTo": applies });
        let role = add(company, "company-config/role", Some(id), None, fields);
        for (module, name, rights) in *grants {
            let chosen: Vec<(u64, Vec<String>)> = company
                .rows("company-config/permission")
                .filter(|row| *module == "*" || (row.text("module") == *module && row.text("name") == *name))
                .map(|row| {
                    let every = row.items("allowedAccessRights").iter().filter_map(Value::as_str);
                    let named = rights.iter().copied();
                    let rights: Vec<&str> = if *rights == EVERY { every.collect() } else { named.collect() };
                    (row.key, rights.into_iter().map(str::to_owned).collect())
                })
                .collect();
            for (permission, rights) in chosen {
                company.assign(role, permission, &rights.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
}

/// Login, user type, administrator privileges, role, only entity.
type UserSeed = (&'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

const USERS: &[UserSeed] = &[
    (USER, "business", "off", Some("Integration"), None),
    ("admin", "business", "full", None, None),
    ("clerk", "business", "off", Some("AP Clerk"), None),
    ("reader", "business", "off", Some("Read Only"), None),
    ("addonly", "business", "off", Some("Add Only"), None),
    ("norights", "business", "off", Some("Empty"), None),
    ("employee", "employee", "off", Some("Integration"), None),
    ("e100only", "business", "off", Some("Integration"), Some("E100")),
    ("grouped", "business", "off", Some("Auditor"), None),
    ("useradmin", "business", "off", Some("Auditor"), None),
    ("usersonly", "business", "off", Some("User Administration"), None),
    ("viewonly", "viewOnly", "off", Some("Auditor"), None),
    ("manager", "projectManager", "off", Some("Auditor"), None),
    ("warehouse", "warehouse", "off", Some("AP Clerk"), None),
    ("limited", "business", "limited", Some("AP Clerk"), None),
    ("slidein", "business", "off", Some("Auditor"), None),
    ("bothentities", "business", "off", Some("Read Only"), Some("E100")),
    ("approver", "business", "off", Some("AP Approver"), None),
];

fn users(company: &mut Company, password: &str) {
    for (login, user_type, privileges, role, entity) in USERS {
        let role = role.map(|role| refer(company, "company-config/role", role));
        let entity = entity.map(|entity| refer(company, "company-config/entity", entity));
        let fields = json!({
            "userName": login, "userType": user_type, "adminPrivileges": privileges, "status": "active",
            "webServices": { "isEnabled": true, "isRestricted": *login == USER },
            "entityAccess": { "allowUnrestrictedAccess": entity.is_none(), "allowTopLevelAccess": entity.is_none() },
            "entities": entity.into_iter().collect::<Vec<_>>(),
            "roles": role.into_iter().collect::<Vec<_>>(),
            "permissionAssignments": [],
        });
        add(company, "company-config/user", Some(login), None, fields);
        company.passwords.insert((*login).to_owned(), password.to_owned());
    }
    let clerks =
        json!({ "description": "Clerks", "roles": [refer(company, "company-config/role", "AP Clerk")] });
    add(company, "company-config/user-group", Some("Clerks"), None, clerks);
    let member = json!({
        "userGroup": refer(company, "company-config/user-group", "Clerks"),
        "user": refer(company, "company-config/user", "grouped"),
    });
    add(company, "company-config/user-group-member", None, None, member);
    also(company, "slidein", "roles", "company-config/role", "Slide-In");
    also(company, "bothentities", "entities", "company-config/entity", "E200");
}

/// One record in each list that nothing else fills.
fn examples(company: &mut Company) {
    for object in OBJECTS {
        let is_list = object.field("name").is_some() && object.verbs.contains(&Verb::Create);
        if is_list && company.rows(object.path).next().is_none() {
            let fields = json!({ "name": "Example", "status": "active" });
            add(company, object.path, Some("EXAMPLE"), None, fields);
        }
    }
}

/// Adds a record to a list of the user's.
fn also(company: &mut Company, login: &str, list: &str, path: &str, id: &str) {
    let reference = refer(company, path, id);
    let user = company.by_id_mut("company-config/user", login);
    if let Some(items) = user.and_then(|user| user.fields.get_mut(list)?.as_array_mut()) {
        items.push(reference);
    }
}

fn ledgers(company: &mut Company) {
    let accounts = [
        ("1000", "Cash", "balanceSheet", "debit"),
        ("1200", "Accounts receivable", "balanceSheet", "debit"),
        ("2000", "Accounts payable", "balanceSheet", "credit"),
        ("4000", "Revenue", "incomeStatement", "credit"),
        ("6000", "Office expense", "incomeStatement", "debit"),
    ];
    for (id, name, account_type, balance) in accounts {
        let fields = json!({
            "name": name, "accountType": account_type, "normalBalance": balance, "status": "active",
        });
        add(company, "general-ledger/account", Some(id), None, fields);
    }
    add(
        company,
        "general-ledger/journal",
        Some("GJ"),
        None,
        json!({ "name": "General", "status": "active" }),
    );
    add(
        company,
        "accounts-payable/term",
        Some("Net 30"),
        None,
        json!({ "name": "Net 30", "status": "active" }),
    );
    add(
        company,
        "accounts-receivable/term",
        Some("Net 30"),
        None,
        json!({ "name": "Net 30", "status": "active" }),
    );
}

fn partners(company: &mut Company, vendors: usize) {
    let name = |what: &str, number| json!({ "name": format!("{what} {number:04}"), "status": "active" });
    for number in 1..=vendors {
        let mut fields = name("Vendor", number);
        fields["status"] = if number % 10 == 0 { "inactive" } else { "active" }.into();
        fields["creditLimit"] = (number * 100).into();
        add(company, "accounts-payable/vendor", Some(&format!("V-{number:04}")), None, fields);
    }
    for entity in ["E100", "E200"] {
        for number in 1..=3 {
            let id = format!("V-{entity}-{number}");
            let fields = name(&format!("{entity} vendor"), number);
            add(company, "accounts-payable/vendor", Some(&id), Some(entity), fields);
        }
    }
    for number in 1..=20 {
        let id = format!("C-{number:04}");
        add(company, "accounts-receivable/customer", Some(&id), None, name("Customer", number));
    }
}

fn documents(company: &mut Company) {
    for number in 1..=5 {
        let vendor = refer(company, "accounts-payable/vendor", "V-0001");
        let fields = json!({
            "vendor": vendor, "billNumber": format!("B-{number:03}"), "dueDate": "2026-12-31",
            "createdDate": "2026-12-01", "state": "posted", "currency": "USD",
        });
        document(company, "accounts-payable/bill", "6000", fields);
        let customer = refer(company, "accounts-receivable/customer", "C-0001");
        let fields = json!({
            "customer": customer, "invoiceNumber": format!("I-{number:03}"), "dueDate": "2026-12-31",
            "invoiceDate": "2026-12-01", "state": "posted", "currency": "USD",
        });
        document(company, "accounts-receivable/invoice", "4000", fields);
    }
}

fn document(company: &mut Company, path: &str, account: &str, fields: Value) {
    let key = add(company, path, None, None, fields);
    let line =
        json!({ "glAccount": refer(company, "general-ledger/account", account), "txnAmount": "100.00" });
    let (Some(object), Value::Object(line)) = (find(path), line) else { return };
    super::objects::store_lines(company, object, key, vec![Fields::from_iter(line)]);
}
