//! What the map says before a call, against what the simulated service does when it is made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};
use trunkline_core::http::Method;
use trunkline_core::permission::{
    Certainty, Kind, Operation, PermissionMap, Reason, Report, Rights, Scopes, Verdict,
};
use trunkline_core::{Account, Cause, Error, Grant, Inputs, ScopeSet};
use trunkline_sim::salesforce::{Control, Fixture, Matcher, Shared};

use super::rig::Rig;

const ORG: &str = "globex";

/// Objects with records of their own, and what a record of them needs.
fn objects() -> [(&'static str, Value); 6] {
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
const SETUP: [&str; 5] =
    ["User", "PermissionSet", "PermissionSetAssignment", "ObjectPermissions", "FieldPermissions"];

/// Fields that field permissions decide about.
const FIELDS: [(&str, &[&str]); 6] = [
    ("Account", &["Industry", "AnnualRevenue", "Description", "Customer_Key__c", "ParentId"]),
    ("Contact", &["Email", "Title", "AccountId"]),
    ("Opportunity", &["Amount", "Probability"]),
    ("Lead", &["Email", "Status"]),
    ("Invoice__c", &["Paid__c", "Amount__c"]),
    ("Project__c", &["Budget__c"]),
];

/// Fields that relationships lead to.
const PATHS: [&str; 4] = [
    "Contact.Account.Name",
    "Contact.Account.Industry",
    "Invoice__c.Account__r.AnnualRevenue",
    "Opportunity.Owner.Name",
];

fn at_globex(name: &str) -> String {
    format!("{name}@globex.example")
}

fn operation(text: &str) -> Operation {
    text.parse().unwrap()
}

fn map(rig: &Rig) -> &dyn PermissionMap {
    rig.connector.permissions().unwrap()
}

/// The seeded users and further ones, whose profiles and permission sets the others lack.
fn users(control: &Control) -> Vec<String> {
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

async fn sign_in(rig: &Rig, user: &str) -> Grant {
    rig.consent_of(user, Inputs::default()).await
}

async fn try_read(rig: &Rig, grant: &Grant, operations: &[Operation]) -> Result<Rights, Error> {
    let account = grant.account.clone().unwrap();
    map(rig).read(&rig.cx, &rig.session(grant), &account, operations).await
}

async fn read(rig: &Rig, grant: &Grant, operations: &[Operation]) -> Rights {
    try_read(rig, grant, operations).await.unwrap()
}

async fn verdict(rig: &Rig, grant: &Grant, text: &str) -> Verdict {
    let operation = operation(text);
    let rights = read(rig, grant, std::slice::from_ref(&operation)).await;
    map(rig).judge(&rights, &operation)
}

/// The permissions that a verdict misses.
fn missing(verdict: &Verdict) -> Vec<(Kind, &str)> {
    let Verdict::Denied { missing } = verdict else { panic!("{verdict:?}") };
    missing.iter().map(|permission| (permission.kind, permission.name.as_ref())).collect()
}

fn reason(verdict: &Verdict) -> Reason {
    let Verdict::Unknown(why) = verdict else { panic!("{verdict:?}") };
    why.reason
}

/// Makes the calls of one grant.
struct Caller<'r> {
    rig: &'r Rig,
    client: Client,
    base: String,
    token: String,
    user: String,
}

impl<'r> Caller<'r> {
    fn new(rig: &'r Rig, grant: &Grant, user: &str) -> Self {
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

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, String) {
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

    /// A fresh record of the caller's own, so that sharing takes nothing away.
    fn record(&self, object: &str) -> String {
        let body =
            objects().into_iter().find(|(name, _)| *name == object).map_or_else(|| json!({}), |it| it.1);
        self.rig.simulator.control().add_record(&self.user, object, body).unwrap()
    }

    /// Whether the service lets the operation pass. The requests are those that the map takes for it.
    async fn passes(&self, operation: &Operation) -> bool {
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
        let request = trunkline_core::permission::Outgoing { method, path, body: body.as_bytes() };
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

const REFUSALS: &[&str] = &[
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
fn operations(rig: &Rig) -> Vec<Operation> {
    let standard = map(rig).known().into_iter().filter(|operation| {
        SETUP.contains(&operation.object()) || objects().iter().any(|(name, _)| *name == operation.object())
    });
    let actions = ["list", "read", "create", "update", "delete"];
    // The last is an object that the org does not have.
    let custom = ["Invoice__c", "Project__c", "Ghost__c"]
        .into_iter()
        .flat_map(|object| actions.map(|action| operation(&format!("{action}:{object}"))));
    let custom =
        custom.filter(|operation| operation.object() != "Ghost__c" || operation.action().as_str() != "read");
    let custom =
        custom.filter(|it| it.object() != "Ghost__c" || ["list", "create"].contains(&it.action().as_str()));
    let fields = FIELDS.into_iter().flat_map(|(object, fields)| {
        fields.iter().flat_map(move |field| {
            ["list", "read", "create", "update"]
                .map(|action| operation(&format!("{action}:{object}.{field}")))
        })
    });
    let paths = PATHS.into_iter().map(|path| operation(&format!("list:{path}")));
    standard.chain(custom).chain(fields).chain(paths).collect()
}

/// Records of two owners, some of them shared with `user`, and what may be done with each.
fn records(control: &Control, user: &str) -> Vec<Operation> {
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

#[tokio::test]
async fn a_verdict_before_the_call_equals_the_outcome_of_the_call() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let mut users = users(&control);
    // The last one has a grant without the scope.
    users.push(at_globex("integration"));
    let (mut cases, mut unknown, mut denied, mut allowed) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let mut wrong = String::new();
    for (number, user) in users.iter().enumerate() {
        let mut grant = sign_in(&rig, user).await;
        let is_narrowed = number + 1 == users.len();
        if is_narrowed {
            let family = control.families().last().unwrap().id;
            control.narrow_family(family, &["id", "refresh_token"]).unwrap();
            let account = grant.account.take();
            grant = rig.refresh(&grant).await.unwrap();
            grant.account = account;
        }
        let mut operations = operations(&rig);
        operations.extend(records(&control, user));
        let rights = read(&rig, &grant, &operations).await;
        let caller = Caller::new(&rig, &grant, user);
        // Once by what consent granted, and once by the rights alone, which know a scope that is missing.
        let scopes = Scopes { requested: None, granted: grant.credential.scopes.clone() };
        let report = Report::of(map(&rig), &rights, &scopes, &operations).unwrap();
        for row in report.rows {
            let operation = &row.operation;
            assert!(map(&rig).covers(&rights, operation));
            let passed = caller.passes(operation).await;
            let by_rights = map(&rig).judge(&rights, operation);
            cases += 1;
            for said in [&row.effective, &by_rights] {
                match said {
                    Verdict::Unknown(_) => unknown += 1,
                    _ if said.is_allowed() != passed => {
                        writeln!(wrong, "{user} {operation}: {said:?}, and the call passed: {passed}")
                            .unwrap();
                    }
                    Verdict::Denied { missing } => {
                        denied += 1;
                        *kinds.entry(format!("{:?}", missing[0].kind)).or_default() += 1;
                    }
                    Verdict::Allowed => allowed += 1,
                }
            }
        }
    }
    let share = f64::from(unknown) * 100.0 / f64::from(cases * 2);
    println!(
        "{} users, {cases} cases x 2 verdicts: {allowed} allowed, {denied} denied {kinds:?}, {unknown} unknown \
         ({share:.2} %)",
        users.len()
    );
    assert!(wrong.is_empty(), "{wrong}");
    assert!(users.len() >= 12 && cases > 2000 && allowed > 1000 && denied > 1000);
    assert!(share <= 5.0, "{share}");
}

#[tokio::test]
async fn a_denial_names_the_outermost_layer_that_refuses() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    users(&control);
    let sales = sign_in(&rig, &at_globex("sales")).await;
    for (text, expected) in [
        ("delete:Account", vec![(Kind::Action, "Account: Delete")]),
        ("delete:Lead", vec![(Kind::Action, "Lead: Edit"), (Kind::Action, "Lead: Delete")]),
        ("create:Case", vec![(Kind::Object, "Case: Read"), (Kind::Action, "Case: Create")]),
        ("list:Invoice__c", vec![(Kind::Object, "Invoice__c: Read")]),
        ("update:account.industry", vec![(Kind::Action, "Account.industry: Edit Access")]),
        ("list:Account.AnnualRevenue", vec![(Kind::Action, "Account.AnnualRevenue: Read Access")]),
        // Which field it is does not matter where the object is closed.
        ("update:Lead.Email", vec![(Kind::Action, "Lead: Edit")]),
        ("list:PermissionSet", vec![(Kind::Role, "View Setup and Configuration (ViewSetup)")]),
        ("create:User", vec![(Kind::Role, "Manage Users (ManageUsers)")]),
    ] {
        assert_eq!(missing(&verdict(&rig, &sales, text).await), expected, "{text}");
    }
    let verdict_of = verdict(&rig, &sales, "list:Invoice__c").await;
    let Verdict::Denied { missing: lacks } = &verdict_of else { panic!() };
    assert!(lacks[0].set_at.contains("Object Settings > Invoice__c"), "{}", lacks[0].set_at);

    // The API comes before the object, and the scope before the API.
    let noapi = sign_in(&rig, &at_globex("noapi")).await;
    let denied = verdict(&rig, &noapi, "list:Account").await;
    assert_eq!(missing(&denied), [(Kind::Role, "API Enabled (ApiEnabled)")]);
    let family = control.families().last().unwrap().id;
    control.narrow_family(family, &["id", "refresh_token"]).unwrap();
    let narrowed = Grant { account: noapi.account.clone(), ..rig.refresh(&noapi).await.unwrap() };
    let denied = verdict(&rig, &narrowed, "list:Account").await;
    assert_eq!(missing(&denied), [(Kind::Company, "api")]);
}

#[tokio::test]
async fn a_record_is_judged_by_its_sharing_with_one_query_for_all() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let user = at_globex("sales");
    let grant = sign_in(&rig, &user).await;
    let add = |share| {
        let body = json!({ "Name": "O", "StageName": "Prospecting", "CloseDate": "2026-12-31" });
        let id = control.add_record(&at_globex("integration"), "Opportunity", body).unwrap();
        control.share(&id, &user, share).unwrap();
        id
    };
    let (hidden, shown, edited) = (add(None), add(Some(Shared::Read)), add(Some(Shared::Edit)));
    let on = |action: &str, id: &str| operation(&format!("{action}:Opportunity/{id}"));
    let operations = [
        on("read", &hidden),
        on("update", &hidden),
        on("read", &shown),
        on("update", &shown),
        on("update", &edited[..15]),
        on("delete", &edited),
    ];
    control.clear_requests();
    let rights = read(&rig, &grant, &operations).await;
    let paths: Vec<_> = control.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/services/data/v65.0/sobjects/Opportunity/describe", "/services/data/v65.0/query"]);
    let judge = |number: usize| map(&rig).judge(&rights, &operations[number]);
    let lacks = |level: &str, id: &str| format!("{level} access to {id}");
    for (number, expected) in [
        (0, Some(lacks("Read", &hidden))),
        (1, Some(lacks("Read", &hidden))),
        (2, None),
        (3, Some(lacks("Edit", &shown))),
        (4, None),
        (5, Some(lacks("Delete", &edited))),
    ] {
        match expected {
            None => assert_eq!(judge(number), Verdict::Allowed, "{}", operations[number]),
            Some(name) => assert_eq!(missing(&judge(number)), [(Kind::Object, name.as_str())]),
        }
    }
    let other = on("read", "006xx000003DGb2AAG");
    assert!(!map(&rig).covers(&rights, &other));
    assert_eq!(reason(&map(&rig).judge(&rights, &other)), Reason::NotReadable);
}

#[tokio::test]
async fn no_more_calls_than_objects_are_made_and_none_by_a_verdict() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let texts = [
        "list:Account",
        "update:Account.Industry",
        "delete:account",
        "create:Contact",
        "list:Contact.Account.Name",
        "list:Contact.Account.Owner.Name",
        "create:Case",
    ];
    let operations: Vec<Operation> = texts.iter().map(|text| operation(text)).collect();
    control.clear_requests();
    let rights = read(&rig, &grant, &operations).await;
    let requests = control.requests();
    let mut asked: Vec<_> = requests.iter().map(|request| request.path.rsplit('/').nth(1).unwrap()).collect();
    assert!(requests.iter().all(|request| request.method == "GET"));
    asked.sort_unstable();
    assert_eq!(asked, ["Account", "Case", "Contact", "User"], "each once, related ones too");

    let start = Instant::now();
    let rounds = 1000;
    for _ in 0..rounds {
        for operation in &operations {
            assert!(map(&rig).covers(&rights, operation));
            std::hint::black_box(map(&rig).judge(&rights, operation));
        }
    }
    let each = start.elapsed().as_nanos() / (rounds * operations.len() as u128);
    println!("a warm verdict takes {each} ns in this build");
    assert_eq!(control.requests().len(), 4, "a verdict asks nobody");
    assert!(!map(&rig).covers(&rights, &operation("list:Opportunity")));
    assert_eq!(reason(&map(&rig).judge(&rights, &operation("list:Opportunity"))), Reason::NotReadable);
}

#[tokio::test]
async fn the_least_role_passes_what_was_wanted_and_nothing_that_needs_more() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let profile = "Nothing";
    users(&control);
    control.add_profile(ORG, profile).unwrap();
    control.set_system_permission(ORG, profile, "PermissionsApiEnabled", false).unwrap();
    let user = at_globex("nobody");
    control.add_user(ORG, &user, profile).unwrap();
    let grant = sign_in(&rig, &user).await;
    let caller = Caller::new(&rig, &grant, &user);
    let pool: Vec<_> = operations(&rig)
        .into_iter()
        .filter(|it| {
            let path = it.object().matches('.').count();
            path < 2 && !SETUP.contains(&it.object()) && it.object() != "Ghost__c"
        })
        .collect();
    assert_eq!(missing(&verdict(&rig, &grant, "list:Account").await)[0].0, Kind::Role);
    let mut seed = 11_u64;
    let (mut passed, mut refused) = (0, 0);
    for set in 0..50 {
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap()
        };
        let wanted: Vec<_> = (0..=random() % 6).map(|_| pool[random() % pool.len()].clone()).collect();
        let name = format!("Least & <{set}>");
        let role = map(&rig).least_role(&name, &wanted, None).unwrap();
        let machine = role.machine.unwrap();
        let file =
            machine.takes.rsplit('/').next().unwrap().strip_suffix(".permissionset").unwrap().to_owned();
        control.deploy_permission_set(ORG, &file, &machine.text).unwrap();
        control.assign(&user, &file).unwrap();
        let implied = |operation: &Operation| {
            let needs = map(&rig).need(operation).unwrap().any_of.remove(0);
            needs.iter().all(|needed| {
                role.permissions.contains(needed)
                    // Edit Access is Read Access and more.
                    || role.permissions.iter().any(|held| {
                        needed.name.strip_suffix(": Read Access").is_some_and(|field| held.name == format!("{field}: Edit Access"))
                    })
            })
        };
        for operation in &pool {
            let open = caller.passes(operation).await;
            assert_eq!(open, implied(operation), "{operation} by {wanted:?}");
            assert!(open || !wanted.contains(operation), "{operation} of {wanted:?}");
            if open { passed += 1 } else { refused += 1 }
        }
        control.unassign(&user, &file).unwrap();
    }
    println!("50 least roles x {} operations: {passed} calls passed, {refused} were refused", pool.len());
    assert!(passed > 300 && refused > 2000);
}

#[tokio::test]
async fn a_least_role_says_what_no_permission_set_gives() {
    let rig = Rig::start().await;
    let wanted = [
        "create:Account",
        "update:Account.Industry",
        "list:Account.Name",
        "list:Contact.Account.Name",
        "update:Lead/00Qxx000003DGb2",
        "create:Task",
        "list:Rate__mdt",
    ];
    let wanted: Vec<_> = wanted.iter().map(|text| operation(text)).collect();
    let role = map(&rig).least_role("Billing \"sync\" & more", &wanted, None).unwrap();
    let steps = role.steps.join("\n");
    for part in [
        "API Name Billing_sync_more",
        "\"API Enabled\"",
        "\"Edit Tasks\"",
        "Object Settings > Account, choose Edit, and enable under Object Permissions: Read, Create, Edit; under \
         Field Permissions, Read Access and Edit Access for Industry.",
        "Read on the objects that Contact.Account.Name leads to",
        "Share the record with the user, unless Sharing Settings do already: Edit access to 00Qxx000003DGb2",
        "Confirm that these have object permissions, since not every object does: Rate__mdt.",
    ] {
        assert!(steps.contains(part), "{part}\n{steps}");
    }
    let xml = role.machine.unwrap().text;
    assert!(xml.contains("<label>Billing &quot;sync&quot; &amp; more</label>"));
    // Fields without field permissions may not stand in it.
    assert!(!xml.contains("Account.Name") && xml.contains("<field>Account.Industry</field>"));
    assert!(map(&rig).least_role("x", &[operation("create:Acount")], None).is_err());
}

#[tokio::test]
async fn what_salesforce_does_not_have_is_refused_with_the_nearest_that_it_has() {
    let rig = Rig::start().await;
    for (asked, near) in [
        ("create:Acount", Some("create:Account")),
        ("update:Acount.Industry", Some("update:Account.Industry")),
        ("lst:Account", Some("list:Account")),
        ("updat:Contact/003xx000003DGb2", Some("update:Contact/003xx000003DGb2AAG")),
        ("delete:Account.Industry", Some("update:Account.Industry")),
        ("create:Account/001xx000003DGb2", Some("read:Account/001xx000003DGb2AAG")),
        ("delete:User", None),
        ("merge:Account", None),
        ("update:Contact.Account.Name", None),
        ("create:Acc ount", Some("create:Account")),
    ] {
        let error = map(&rig).need(&operation(asked)).unwrap_err();
        assert_eq!(error.nearest.map(|near| near.to_string()).as_deref(), near, "{asked}");
    }
    // An org may have any other object: that is Salesforce's to say.
    for (asked, certainty) in [
        ("create:account", Certainty::Documented),
        ("list:Invoice__c.Paid__c", Certainty::Documented),
        ("create:Task", Certainty::Named),
        ("list:ServiceResource", Certainty::Assumed),
        ("list:AccountFeed", Certainty::Assumed),
    ] {
        let need = map(&rig).need(&operation(asked)).unwrap();
        assert_eq!((need.certainty, need.scopes[0].name.as_ref()), (certainty, "api"), "{asked}");
    }
}

#[tokio::test]
async fn names_that_nobody_knows_are_unknown_and_hidden_ones_denied() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let sales = sign_in(&rig, &at_globex("sales")).await;
    for text in ["list:Unicorn", "update:Unicorn.Horn", "create:Horn__mdt"] {
        assert_eq!(reason(&verdict(&rig, &sales, text).await), Reason::NotMapped, "{text}");
    }
    // A typo of a field is answered with the field.
    let typo = verdict(&rig, &sales, "list:Account.Industri").await;
    assert!(matches!(&typo, Verdict::Unknown(why) if why.detail.contains("Industry is meant")), "{typo:?}");
    assert_eq!(reason(&verdict(&rig, &sales, "list:Account.Shoe").await), Reason::NotMapped);
    // A custom field may be hidden, whatever it is called.
    control.add_field(ORG, "Account", "Quite_Secret_Margin__c", "currency").unwrap();
    let hidden = verdict(&rig, &sales, "list:Account.Quite_Secret_Margin__c").await;
    assert_eq!(missing(&hidden), [(Kind::Action, "Account.Quite_Secret_Margin__c: Read Access")]);
    // Nobody writes what Salesforce writes.
    let admin = sign_in(&rig, &at_globex("admin")).await;
    assert_eq!(reason(&verdict(&rig, &admin, "update:Account.CreatedDate").await), Reason::NotMapped);
}

#[tokio::test]
async fn rights_that_change_after_they_were_read_are_told_by_the_refusal() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let user = at_globex("sales");
    let grant = sign_in(&rig, &user).await;
    let caller = Caller::new(&rig, &grant, &user);
    let create = operation("create:Contact");
    let field = operation("update:Contact.Title");
    let operations = [create.clone(), field.clone(), operation("delete:Contact")];
    let rights = read(&rig, &grant, &operations).await;
    assert_eq!(map(&rig).judge(&rights, &create), Verdict::Allowed);
    assert!(caller.passes(&create).await);

    control.set_object_permissions(ORG, "Sales", "Contact", &["read", "edit"]).unwrap();
    control.set_field_permissions(ORG, "Sales", "Contact.Title", &["read"]).unwrap();
    for (operation, method, path, body, name) in [
        (
            &create,
            Method::POST,
            "/sobjects/Contact".to_owned(),
            json!({ "LastName": "C" }),
            "Contact: Create",
        ),
        (
            &field,
            Method::PATCH,
            format!("/sobjects/Contact/{}", caller.record("Contact")),
            json!({ "Title": "Dr" }),
            "Contact.Title: Edit Access",
        ),
        (
            &operations[2],
            Method::DELETE,
            format!("/sobjects/Contact/{}", caller.record("Contact")),
            Value::Null,
            "Contact: Delete",
        ),
    ] {
        let diagnosis = rig.send(&grant, method, &path, Some(&body)).await.unwrap_err();
        let told = map(&rig).refused(operation, &diagnosis, Some(&rights));
        assert_eq!(missing(&told), [(Kind::Action, name)], "{operation}");
        let again = read(&rig, &grant, &operations).await;
        assert_eq!(missing(&map(&rig).judge(&again, operation)), [(Kind::Action, name)]);
        assert_eq!(map(&rig).refused(operation, &diagnosis, Some(&again)), told);
    }
}

#[tokio::test]
async fn a_refusal_is_told_apart_by_its_layer() {
    let rig = Rig::start().await;
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let update = operation("update:Account");
    let id = rig
        .simulator
        .control()
        .add_record(&at_globex("integration"), "Account", json!({ "Name": "A" }))
        .unwrap();
    let rights = read(&rig, &grant, std::slice::from_ref(&update)).await;
    let path = format!("/sobjects/Account/{id}");
    let record = "Edit access to the record";
    for (row, with_rights, without) in [
        ("R03", Ok((Kind::Company, "api")), Ok((Kind::Company, "api"))),
        ("R07", Ok((Kind::Role, "API Enabled (ApiEnabled)")), Ok((Kind::Role, "API Enabled (ApiEnabled)"))),
        ("R08", Ok((Kind::Role, "API Enabled (ApiEnabled)")), Ok((Kind::Role, "API Enabled (ApiEnabled)"))),
        // The object's permission is there, so that it is the record.
        ("R09", Ok((Kind::Object, record)), Err(Reason::DependsOnRecord)),
        (
            "R11",
            Ok((Kind::Object, "Read access to the record that the request refers to")),
            Ok((Kind::Object, "Read access to the record that the request refers to")),
        ),
        (
            "R12",
            Ok((Kind::Action, "Account.Industry: Read Access")),
            Ok((Kind::Action, "Account.Industry: Read Access")),
        ),
        ("R13", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R15", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R17", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R18", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        ("R20", Err(Reason::DependsOnRecord), Err(Reason::DependsOnRecord)),
        (
            "R26",
            Ok((Kind::Company, "the feature or licence for Account")),
            Ok((Kind::Company, "the feature or licence for Account")),
        ),
    ] {
        rig.simulator.control().inject(Fixture::named(row, Matcher::path("/sobjects/Account/001")).unwrap());
        let diagnosis = rig.send(&grant, Method::PATCH, &path, Some(&json!({}))).await.unwrap_err();
        for (rights, expected) in [(Some(&rights), with_rights), (None, without)] {
            match (map(&rig).refused(&update, &diagnosis, rights), expected) {
                (told @ Verdict::Denied { .. }, Ok(expected)) => {
                    assert_eq!(missing(&told), [expected], "{row}")
                }
                (Verdict::Unknown(why), Err(expected)) => assert_eq!(why.reason, expected, "{row}"),
                other => panic!("{row}: {other:?}"),
            }
        }
    }
    // An object that is hidden, and an external id that is.
    let told = |row: &str, text: &str| {
        rig.simulator.control().inject(Fixture::named(row, Matcher::path("/sobjects/Account/001")).unwrap());
        (operation(text), rig.send(&grant, Method::PATCH, &path, None))
    };
    let (case, sent) = told("R14", "list:Case");
    let diagnosis = sent.await.unwrap_err();
    assert_eq!(missing(&map(&rig).refused(&case, &diagnosis, None)), [(Kind::Object, "Case: Read")]);
    assert_eq!(reason(&map(&rig).refused(&operation("list:Unicorn"), &diagnosis, None)), Reason::NotMapped);
    // A client that is not let in at all, which a renewal tells.
    let diagnosis = trunkline_core::Diagnosis::new(Cause::ClientNotAuthorized);
    assert_eq!(missing(&map(&rig).refused(&update, &diagnosis, None))[0].0, Kind::Company);
}

#[tokio::test]
async fn what_is_refused_for_another_reason_than_rights_is_an_error_and_no_verdict() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    let user = at_globex("sales");
    let grant = sign_in(&rig, &user).await;
    let operations = [operation("list:Account"), operation("list:Contact")];
    let cause =
        async || try_read(&rig, &grant, &operations).await.map(drop).map_err(|error| error.cause().unwrap());
    assert_eq!(cause().await, Ok(()));
    // Half-way: the first object was described, and then the session ended.
    for (row, expected) in [
        ("R01", Cause::AccessTokenExpired),
        ("R05", Cause::RateLimited),
        ("R20", Cause::ServiceUnavailable),
        ("R21", Cause::EdgeFailure),
        ("R24", Cause::ConfigurationInvalid),
        ("R25", Cause::AuthenticationRequired),
    ] {
        control.inject(Fixture::named(row, Matcher::path("/Contact/describe")).unwrap());
        assert_eq!(cause().await, Err(expected), "{row}");
    }
    // A page where a description should be, and one that is cut.
    for body in ["<html></html>", "[]"] {
        let mut fixture = Fixture::json(Matcher::path("/Contact/describe"), 200, &Value::Null);
        body.clone_into(&mut fixture.body);
        control.inject(fixture);
        assert_eq!(cause().await, Err(Cause::ResponseInvalid), "{body}");
    }
    control.user(&user, |policy| policy.frozen = true).unwrap();
    assert_eq!(
        cause().await,
        Err(Cause::AccessTokenExpired),
        "and the renewal tells that the user is frozen"
    );
    control.user(&user, |policy| policy.frozen = false).unwrap();
    assert_eq!(cause().await, Ok(()));
    // No API at the org: known, and the same for every object, so that the second is not asked for.
    control.org(ORG, |org| org.api_enabled = false).unwrap();
    control.clear_requests();
    let rights = read(&rig, &grant, &operations).await;
    assert_eq!(control.requests().len(), 1);
    for operation in &operations {
        assert!(map(&rig).covers(&rights, operation));
        assert_eq!(missing(&map(&rig).judge(&rights, operation))[0].0, Kind::Role);
    }
}

#[tokio::test]
async fn a_feature_that_is_missing_denies_its_object_and_no_other() {
    let rig = Rig::start().await;
    let grant = sign_in(&rig, &at_globex("integration")).await;
    rig.simulator.control().inject(Fixture::named("R26", Matcher::path("/Quote/describe")).unwrap());
    let operations = [operation("list:Quote"), operation("list:Account")];
    let rights = read(&rig, &grant, &operations).await;
    let denied = map(&rig).judge(&rights, &operations[0]);
    assert_eq!(missing(&denied), [(Kind::Company, "the feature or licence for Quote")]);
    assert_eq!(map(&rig).judge(&rights, &operations[1]), Verdict::Allowed);
}

#[tokio::test]
async fn a_description_of_2000_fields_is_read_and_one_without_end_is_not() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    for number in 0..2000 {
        control.add_field(ORG, "Invoice__c", &format!("Field_{number}__c"), "string").unwrap();
    }
    // Whoever modifies all data sees every object; fields need field permissions all the same.
    for number in [0, 999, 1999] {
        let field = format!("Invoice__c.Field_{number}__c");
        control.set_field_permissions(ORG, "Integration", &field, &["read", "edit"]).unwrap();
    }
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let shown = operation("update:Invoice__c.Field_1999__c");
    let start = Instant::now();
    let rights = read(&rig, &grant, &[shown.clone()]).await;
    println!(
        "an object of 2,000 fields, three of them shown, is described and read in {:?}",
        start.elapsed()
    );
    assert_eq!(map(&rig).judge(&rights, &shown), Verdict::Allowed);

    // All of them, with the lists of values that make a description long.
    let values: Vec<_> =
        (0..20).map(|number| json!({ "label": format!("Value {number}"), "value": "v" })).collect();
    let field = |number: usize| {
        json!({ "name": format!("Field_{number}__c"), "createable": true,
        "updateable": number % 2 == 0, "permissionable": true, "picklistValues": values })
    };
    let whole = |fields: usize| {
        json!({ "name": "Invoice__c", "queryable": true, "retrieveable": true, "createable": true,
        "updateable": true, "deletable": true, "fields": (0..fields).map(field).collect::<Vec<_>>() })
    };
    let long = Fixture::json(Matcher::path("/Invoice__c/describe"), 200, &whole(2000));
    let bytes = long.body.len();
    control.inject(long);
    let start = Instant::now();
    let rights = read(&rig, &grant, &[shown.clone()]).await;
    println!("a description of 2,000 fields, {bytes} bytes, is read in {:?}", start.elapsed());
    assert_eq!(
        missing(&map(&rig).judge(&rights, &shown)),
        [(Kind::Action, "Invoice__c.Field_1999__c: Edit Access")]
    );
    assert_eq!(map(&rig).judge(&rights, &operation("update:Invoice__c.Field_1998__c")), Verdict::Allowed);

    for body in [whole(10_001).to_string(), format!("{{\"name\":\"{}\"}}", "x".repeat(17 * 1024 * 1024))] {
        let mut endless = Fixture::json(Matcher::path("/Invoice__c/describe"), 200, &Value::Null);
        endless.body = body;
        control.inject(endless);
        let rights = read(&rig, &grant, &[shown.clone()]).await;
        assert_eq!(reason(&map(&rig).judge(&rights, &shown)), Reason::NotReadable);
    }
}

#[tokio::test]
async fn the_scope_full_holds_api_and_no_other_does() {
    let rig = Rig::start().await;
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let list = operation("list:Account");
    let rights = read(&rig, &grant, std::slice::from_ref(&list)).await;
    let row = |scopes: &str| {
        let set = Some(ScopeSet::parse(scopes, ' '));
        let scopes = Scopes { requested: set.clone(), granted: set };
        Report::of(map(&rig), &rights, &scopes, std::slice::from_ref(&list)).unwrap().rows.remove(0)
    };
    for (scopes, held) in
        [("full refresh_token", true), ("id api", true), ("id web refresh_token", false), ("", false)]
    {
        let row = row(scopes);
        assert_eq!((row.requested, row.granted), (Some(held), Some(held)), "{scopes}");
        assert_eq!(row.effective.is_allowed(), held, "{scopes}");
    }
    let account = Account::new("", "");
    let operations = [operation("read:Account/001xx000003DGb2")];
    let rights = map(&rig).read(&rig.cx, &rig.session(&grant), &account, &operations).await.unwrap();
    assert!(map(&rig).covers(&rights, &operations[0]), "the user's id is known by the token answer too");
}
