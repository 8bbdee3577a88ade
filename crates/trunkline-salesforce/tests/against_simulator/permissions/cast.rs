//! Users, what they may do, and the calls that they make.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use reqwest::Client;
use serde_json::{Value, json};
use trunkline_core::http::Method;
use trunkline_core::permission::{Kind, Operation, Outgoing, PermissionMap, Reason, Rights, Verdict};
use trunkline_core::{Error, Grant, Inputs};
use trunkline_sim::salesforce::{Control, Shared};

use super::super::rig::Rig;

pub(super) const ORG: &str = "globex";

/// Objects with records of their own, and what a record of them needs.
pub(super) fn objects() -> [(&'static str, Value); 6] {
    [
        ("Account", json!({ "Name": "A" })),
        ("Contact", json!({ "LastName": "C" })),
        ("Opportunity", json!({ "Name": "O", "StageName": "Prospecting", "CloseDate": "2026-12-31" })),
        ("Lead", json!({ "LastName": "L", "Company": "Co" })),
        ("Invoice__c", json!({ "Name": "I" })),
        ("Project__c", json!({ "Name": "P" })),
    ]
}

/// Objects of setup that the simulator has too.
pub(super) const SETUP: [&str; 5] =
    ["User", "PermissionSet", "PermissionSetAssignment", "ObjectPermissions", "FieldPermissions"];

/// Fields that field permissions decide about.
pub(super) const FIELDS: [(&str, &[&str]); 6] = [
    ("Account", &["Industry", "AnnualRevenue", "Description", "Customer_Key__c", "ParentId"]),
    ("Contact", &["Email", "Title", "AccountId"]),
    ("Opportunity", &["Amount", "Probability"]),
    ("Lead", &["Email", "Status"]),
    ("Invoice__c", &["Paid__c", "Amount__c"]),
    ("Project__c", &["Budget__c"]),
];

/// Fields that relationships lead to.
pub(super) const PATHS: [&str; 4] = [
    "Contact.Account.Name",
    "Contact.Account.Industry",
    "Invoice__c.Account__r.AnnualRevenue",
    "Opportunity.Owner.Name",
];

pub(super) fn at_globex(name: &str) -> String {
    format!("{name}@globex.example")
}

pub(super) fn operation(text: &str) -> Operation {
    text.parse().unwrap()
}

pub(super) fn map(rig: &Rig) -> &dyn PermissionMap {
    rig.connector.permissions().unwrap()
}

/// The seeded users and further ones, whose profiles and permission sets the others lack.
pub(super) fn users(control: &Control) -> Vec<String> {
    control.add_object(ORG, "Project__c").unwrap();
    control.add_field(ORG, "Project__c", "Budget__c", "currency").unwrap();
    let object = |set: &str, object: &str, rights: &[&str]| {
        control.set_object_permissions(ORG, set, object, rights).unwrap();
    };
    let all: &[&str] = &["read", "create", "edit", "delete"];
    object("Integration", "Project__c", all);
    control.set_field_permissions(ORG, "Integration", "Project__c.Budget__c", &["read", "edit"]).unwrap();
    let mut names: Vec<&str> =
        vec!["integration", "admin", "reader", "sales", "clerk", "analyst", "norights", "noapi", "lapsed"];
    for (name, profile, rights) in [
        ("nodelete", "No Delete", &["read", "create", "edit"][..]),
        ("creator", "Creator", &["read", "create"]),
        ("blind", "Blind", all),
        ("overseer", "Overseer", &["read", "view_all"]),
        ("master", "Master", &["read", "create", "edit", "delete", "view_all", "modify_all"]),
    ] {
        control.add_profile(ORG, profile).unwrap();
        for (name, _) in objects() {
            object(profile, name, rights);
        }
        // The blind one sees no field that field permissions decide about.
        for (owner, fields) in FIELDS.iter().filter(|_| name != "blind") {
            for (number, field) in fields.iter().enumerate() {
                let rights = if number % 2 == 0 { &["read", "edit"][..] } else { &["read"] };
                control.set_field_permissions(ORG, profile, &format!("{owner}.{field}"), rights).unwrap();
            }
        }
        control.add_user(ORG, &at_globex(name), profile).unwrap();
        names.push(name);
    }
    // Two permission sets that open together what neither opens alone.
    for (set, object_name, rights, field) in [
        ("Reads_Accounts", "Account", &["read"][..], "Account.Industry"),
        ("Edits_Accounts", "Account", &["read", "edit"], "Account.ParentId"),
        ("Projects", "Project__c", all, "Project__c.Budget__c"),
    ] {
        control.add_permission_set(ORG, set).unwrap();
        object(set, object_name, rights);
        control.set_field_permissions(ORG, set, field, &["read", "edit"]).unwrap();
    }
    for (name, sets) in [("twosets", &["Reads_Accounts", "Edits_Accounts"][..]), ("builder", &["Projects"])] {
        control.add_user(ORG, &at_globex(name), "Minimum Access").unwrap();
        for set in sets {
            control.assign(&at_globex(name), set).unwrap();
        }
        names.push(name);
    }
    names.iter().map(|name| at_globex(name)).collect()
}

pub(super) async fn sign_in(rig: &Rig, user: &str) -> Grant {
    rig.consent_of(user, Inputs::default()).await
}

pub(super) async fn try_read(rig: &Rig, grant: &Grant, operations: &[Operation]) -> Result<Rights, Error> {
    let account = grant.account.clone().unwrap();
    map(rig).read(&rig.cx, &rig.session(grant), &account, operations).await
}

pub(super) async fn read(rig: &Rig, grant: &Grant, operations: &[Operation]) -> Rights {
    try_read(rig, grant, operations).await.unwrap()
}

pub(super) async fn verdict(rig: &Rig, grant: &Grant, text: &str) -> Verdict {
    let operation = operation(text);
    let rights = read(rig, grant, std::slice::from_ref(&operation)).await;
    map(rig).judge(&rights, &operation)
}

/// The permissions that a verdict misses.
pub(super) fn missing(verdict: &Verdict) -> Vec<(Kind, &str)> {
    let Verdict::Denied { missing } = verdict else { panic!("{verdict:?}") };
    missing.iter().map(|permission| (permission.kind, permission.name.as_ref())).collect()
}

pub(super) fn reason(verdict: &Verdict) -> Reason {
    let Verdict::Unknown(why) = verdict else { panic!("{verdict:?}") };
    why.reason
}

/// Makes the calls of one grant.
pub(super) struct Caller<'r> {
    rig: &'r Rig,
    client: Client,
    base: String,
    token: String,
    user: String,
}

impl<'r> Caller<'r> {
    pub(super) fn new(rig: &'r Rig, grant: &Grant, user: &str) -> Self {
        let endpoint = rig.connector.endpoint(&grant.captures).unwrap();
        let token = grant.credential.access_token.as_ref().unwrap().expose().to_owned();
        let base = endpoint.base().as_str().trim_end_matches('/').to_owned();
        Self {
            rig,
            client: Client::builder().no_proxy().build().unwrap(),
            base,
            token,
            user: user.to_owned(),
        }
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        (status, body[0]["errorCode"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether a request passes with every part of it.
    pub(super) async fn whole(&self, method: Method, path: &str, body: Option<&Value>) -> bool {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        let parts = body.as_array().map_or(&[][..], Vec::as_slice);
        status.is_success() && !parts.iter().any(|part| part["success"] == false)
    }

    /// A fresh record of the caller's own, so that sharing takes nothing away.
    pub(super) fn record(&self, object: &str) -> String {
        let body =
            objects().into_iter().find(|(name, _)| *name == object).map_or_else(|| json!({}), |it| it.1);
        self.rig.simulator.control().add_record(&self.user, object, body).unwrap()
    }

    /// Whether the service lets the operation pass. The requests are those that the map takes for it.
    pub(super) async fn passes(&self, operation: &Operation) -> bool {
        let text = operation.object();
        let (object, field) =
            text.split_once('.').map_or((text, None), |(object, field)| (object, Some(field)));
        let (object, id) = object.split_once('/').map_or((object, None), |(object, id)| (object, Some(id)));
        let id = || id.map_or_else(|| self.record(object), str::to_owned);
        let action = operation.action().as_str();
        let query = format!("/query?q=SELECT+{}+FROM+{object}+LIMIT+1", field.unwrap_or("Id"));
        let mut body = if action == "create" {
            objects().into_iter().find(|(name, _)| *name == object).map_or_else(|| json!({}), |it| it.1)
        } else {
            json!({})
        };
        if let Some(field) = field {
            body[field] = Value::Null;
        }
        let (method, path) = match action {
            "list" => (Method::GET, query),
            "read" => {
                let fields = field.map(|field| format!("?fields={field}")).unwrap_or_default();
                (Method::GET, format!("/sobjects/{object}/{}{fields}", id()))
            }
            "create" => (Method::POST, format!("/sobjects/{object}")),
            "update" => (Method::PATCH, format!("/sobjects/{object}/{}", id())),
            "delete" => (Method::DELETE, format!("/sobjects/{object}/{}", id())),
            other => panic!("{other}"),
        };
        let sent = ["create", "update"].contains(&action).then_some(&body);
        self.is_mapped_back(operation, &method, &path, sent);
        match self.send(method, &path, sent).await {
            (200..=299, _) => true,
            // What comes after the permissions: an object of setup wants more than the test gives it.
            (400, code) if code == "REQUIRED_FIELD_MISSING" && SETUP.contains(&object) => true,
            (400 | 401 | 403 | 404, code) if REFUSALS.contains(&code.as_str()) => false,
            other => panic!("{operation}: {other:?}"),
        }
    }

    /// The request is, among others, the operation that it is made for. One on a record is one on its object.
    fn is_mapped_back(&self, operation: &Operation, method: &Method, path: &str, body: Option<&Value>) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Outgoing { method, path, body: body.as_bytes() };
        let object = operation.object().split('/').next().unwrap().to_owned();
        let whole = Operation::new(operation.action().clone(), object.clone());
        let without_field =
            Operation::new(operation.action().clone(), object.split('.').next().unwrap().to_owned());
        let found = map(self.rig).operations(&request).unwrap();
        // The fields of a read stand in its query, which every object has another default for.
        let expected = if operation.action().as_str() == "read" { without_field } else { whole };
        assert!(found.contains(&expected), "{method} {path}: {found:?}");
    }
}

pub(super) const REFUSALS: &[&str] = &[
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALID_TYPE",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "NOT_FOUND",
    "API_DISABLED_FOR_ORG",
    "INVALID_SESSION_ID",
];

/// Every operation that the map knows by name and the simulator serves, those on custom objects, on fields and
/// through relationships.
pub(super) fn operations(rig: &Rig) -> Vec<Operation> {
    let standard = map(rig).known().into_iter().filter(|operation| {
        SETUP.contains(&operation.object()) || objects().iter().any(|(name, _)| *name == operation.object())
    });
    let actions = ["list", "read", "create", "update", "delete"];
    let custom = ["Invoice__c", "Project__c"]
        .into_iter()
        .flat_map(|object| actions.map(|action| operation(&format!("{action}:{object}"))));
    // An object that the org does not have.
    let ghost = ["list:Ghost__c", "create:Ghost__c"].map(operation);
    let fields = FIELDS.into_iter().flat_map(|(object, fields)| {
        fields.iter().flat_map(move |field| {
            ["list", "read", "create", "update"]
                .map(|action| operation(&format!("{action}:{object}.{field}")))
        })
    });
    let paths = PATHS.into_iter().map(|path| operation(&format!("list:{path}")));
    standard.chain(custom).chain(ghost).chain(fields).chain(paths).collect()
}

/// Records of two owners, some of them shared with `user`, and what may be done with each.
pub(super) fn records(control: &Control, user: &str) -> Vec<Operation> {
    let mut all = Vec::new();
    for (object, body) in objects().into_iter().filter(|(name, _)| *name != "Project__c") {
        for owner in ["integration", "sales"] {
            for (number, action) in ["read", "update", "delete"].into_iter().enumerate() {
                let id = control.add_record(&at_globex(owner), object, body.clone()).unwrap();
                let shares = [None, Some(Shared::Read), Some(Shared::Edit)];
                let share = shares[(number + object.len() + owner.len()) % 3];
                control.share(&id, user, share).unwrap();
                all.push(operation(&format!("{action}:{object}/{id}")));
            }
        }
    }
    all
}
