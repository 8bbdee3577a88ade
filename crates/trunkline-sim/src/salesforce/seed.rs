//! The app, orgs, users, permissions and records that a fresh simulator has.

use serde_json::{Value, json};

use super::org::{Org, Sharing, User, object_of};
use super::policy::{App, AppKind, OrgPolicy, OrgStatus, Permitted, RefreshPolicy, UserPolicy};
use crate::clock::service_time;
use crate::random;

/// The main org, `acme`.
pub(crate) const ORG: &str = "00Dxx0000001gEREAY";
/// Its integration user.
pub(crate) const USER: &str = "integration@acme.example";
pub(crate) const USER_ID: &str = "005xx000001SwiUAAS";
pub(crate) const CALLBACK: &str = "https://app.example.com/connect/callback";

const ALL: &[&str] = &["read", "create", "edit", "delete"];
const READ: &[&str] = &["read"];
const OBJECTS: [&str; 5] = ["Account", "Contact", "Opportunity", "Lead", "Invoice__c"];

/// The app: every flow, rotation on, as it is asked of apps with several customers since 2026.
pub(crate) fn app(secret: Option<String>, redirect_uris: Vec<String>, certificate: Option<String>) -> App {
    let scopes =
        ["api", "id", "openid", "profile", "email", "web", "full", "refresh_token", "offline_access"];
    App {
        name: "Trunkline".to_owned(),
        client_id: format!("3MVG9{}", random::text::<57>()),
        client_secret: secret.unwrap_or_else(|| random::hex::<32>().to_uppercase()),
        kind: AppKind::ExternalClientApp,
        redirect_uris,
        scopes: scopes.map(str::to_owned).to_vec(),
        secret_required: true,
        pkce_required: false,
        web_server: true,
        jwt_bearer: true,
        certificate,
        client_credentials: true,
        run_as: Some(USER.to_owned()),
        rotates: true,
        refresh_policy: RefreshPolicy::UntilRevoked,
        address_refused: false,
        session_timeout_s: None,
        permitted: Permitted::SelfAuthorize,
        uninstalled_in: std::collections::BTreeSet::new(),
        blocked: false,
    }
}

/// `acme`, `globex`, and acme's sandbox `acme--dev`.
pub(crate) fn orgs(password: &str, security_token: &str, now_s: i64) -> Vec<Org> {
    let seeds = [
        (ORG, "acme", false, "acme.example", 2300),
        ("00Dxx0000002gERUAY", "globex", false, "globex.example", 12),
        ("00Dxx0000003gERUAY", "acme--dev", true, "acme.example.dev", 12),
    ];
    let org = |(number, (id, my_domain, sandbox, domain, accounts))| {
        let policy = OrgPolicy {
            my_domain: str::to_owned(my_domain),
            sandbox,
            status: OrgStatus::Active,
            api_enabled: true,
            session_timeout_s: 7200,
            daily_calls: 100_000,
            used_elsewhere: 0,
        };
        let id = super::id::long(&str::to_owned(id)[..15]).unwrap_or_default();
        let mut org = Org::new(&id, policy);
        organisation(&mut org, my_domain, sandbox, now_s);
        permissions(&mut org, now_s);
        users(&mut org, number, domain, (password, security_token), now_s);
        records(&mut org, accounts, now_s);
        org
    };
    seeds.into_iter().enumerate().map(org).collect()
}

fn organisation(org: &mut Org, name: &str, sandbox: bool, now_s: i64) {
    let fields = json!({
        "Id": org.id, "Name": name, "IsSandbox": sandbox, "OrganizationType": "Enterprise Edition",
    });
    org.insert("Organization", "", now_s, object_of(fields));
    for (object, sharing) in [
        ("Account", Sharing::ReadWrite),
        ("Lead", Sharing::ReadWrite),
        ("Contact", Sharing::ReadOnly),
        ("Opportunity", Sharing::Private),
        ("Invoice__c", Sharing::Private),
    ] {
        org.defaults.insert(object.to_owned(), sharing);
    }
}

/// Profile or permission set, system permissions, object permissions, fields that are left out of the
/// otherwise full field permissions, fields that are read only.
struct SetSeed {
    name: &'static str,
    profile: bool,
    system: &'static [&'static str],
    objects: &'static [(&'static str, &'static [&'static str])],
    hidden: &'static [&'static str],
    read_only: &'static [&'static str],
}

const EVERY: &str = "*";

const SETS: &[SetSeed] = &[
    SetSeed {
        name: "System Administrator",
        profile: true,
        system: &[
            "PermissionsApiEnabled",
            "PermissionsViewSetup",
            "PermissionsViewAllData",
            "PermissionsModifyAllData",
            "PermissionsManageUsers",
            "PermissionsAssignPermissionSets",
            "PermissionsCustomizeApplication",
        ],
        objects: &[(EVERY, ALL)],
        hidden: &[],
        read_only: &[],
    },
    SetSeed {
        name: "Integration",
        profile: true,
        system: &["PermissionsApiEnabled"],
        objects: &[(EVERY, ALL)],
        hidden: &[],
        read_only: &[],
    },
    SetSeed {
        name: "Read Only",
        profile: true,
        system: &["PermissionsApiEnabled"],
        objects: &[(EVERY, READ)],
        hidden: &[],
        read_only: &[EVERY],
    },
    SetSeed {
        name: "Sales",
        profile: true,
        system: &["PermissionsApiEnabled"],
        objects: &[
            ("Account", &["read", "create", "edit"]),
            ("Contact", ALL),
            ("Opportunity", ALL),
            ("Lead", &["read", "create"]),
        ],
        hidden: &["Account.AnnualRevenue", "Opportunity.Probability"],
        read_only: &["Account.Industry", "Contact.Email"],
    },
    SetSeed {
        name: "Minimum Access",
        profile: true,
        system: &["PermissionsApiEnabled"],
        objects: &[],
        hidden: &[EVERY],
        read_only: &[],
    },
    SetSeed {
        name: "No API",
        profile: true,
        system: &[],
        objects: &[(EVERY, ALL)],
        hidden: &[],
        read_only: &[],
    },
    SetSeed {
        name: "Invoice_Clerk",
        profile: false,
        system: &[],
        objects: &[("Invoice__c", &["read", "create", "edit"]), ("Account", READ)],
        hidden: &["Account.AnnualRevenue", "Account.Description"],
        read_only: &["Invoice__c.Paid__c"],
    },
    SetSeed {
        name: "View_All_Opportunities",
        profile: false,
        system: &[],
        objects: &[("Opportunity", &["read", "view_all"])],
        hidden: &[],
        read_only: &["Opportunity.Amount"],
    },
    SetSeed {
        name: "Setup_Viewer",
        profile: false,
        system: &["PermissionsViewSetup"],
        objects: &[],
        hidden: &[],
        read_only: &[],
    },
];

fn permissions(org: &mut Org, now_s: i64) {
    for seed in SETS {
        let mut profile = Value::Null;
        if seed.profile {
            let fields = json!({ "Name": seed.name, "UserType": "Standard" });
            profile = org.insert("Profile", "", now_s, object_of(fields)).into();
        }
        let mut fields = object_of(json!({
            "Name": seed.name, "Label": seed.name.replace('_', " "), "IsOwnedByProfile": seed.profile,
            "ProfileId": profile, "Type": if seed.profile { "Profile" } else { "Regular" },
        }));
        if let Some(object) = org.object("PermissionSet") {
            for field in object.fields.iter().filter(|field| field.name.starts_with("Permissions")) {
                let held = seed.system.contains(&field.name.as_str());
                fields.insert(field.name.clone(), held.into());
            }
        }
        let set = org.insert("PermissionSet", "", now_s, fields);
        for (object, rights) in seed.objects {
            let objects = OBJECTS.iter().filter(|name| *object == EVERY || *name == object);
            for object in objects {
                org.permit_object(&set, object, rights, now_s);
                for field in org.permissionable(object) {
                    let is_in = |list: &[&str]| list.contains(&EVERY) || list.contains(&field.as_str());
                    if !is_in(seed.hidden) {
                        org.permit_field(&set, &field, true, !is_in(seed.read_only), now_s);
                    }
                }
            }
        }
    }
}

/// Name before the `@`, profile, permission sets.
type UserSeed = (&'static str, &'static str, &'static [&'static str]);

const USERS: &[UserSeed] = &[
    ("integration", "Integration", &[]),
    ("admin", "System Administrator", &[]),
    ("reader", "Read Only", &[]),
    ("sales", "Sales", &[]),
    ("clerk", "Minimum Access", &["Invoice_Clerk"]),
    ("analyst", "Minimum Access", &["View_All_Opportunities", "Setup_Viewer"]),
    ("norights", "Minimum Access", &[]),
    ("noapi", "No API", &[]),
    ("lapsed", "Minimum Access", &["Invoice_Clerk"]),
    ("former", "Integration", &[]),
    ("frozen", "Integration", &[]),
];

fn users(org: &mut Org, number: usize, domain: &str, (password, token): (&str, &str), now_s: i64) {
    for (index, (name, profile, sets)) in USERS.iter().enumerate() {
        let id = match (number, index) {
            (0, 0) => USER_ID.to_owned(),
            _ => super::id::mint("005", (number * 1000 + index) as u64),
        };
        let policy =
            UserPolicy { active: *name != "former", frozen: *name == "frozen", ..UserPolicy::default() };
        let user = User {
            id: id.clone(),
            username: format!("{name}@{domain}"),
            password: password.to_owned(),
            security_token: token.to_owned(),
            policy,
            logins: std::collections::VecDeque::new(),
        };
        org.add_user(user, profile, now_s);
        for set in *sets {
            let Some(set) = org.named("PermissionSet", set) else { continue };
            let assignment = org.assign(&id, &set, now_s);
            if *name == "lapsed" {
                let expired = object_of(json!({ "ExpirationDate": service_time(now_s - 86_400) }));
                org.update("PermissionSetAssignment", &assignment, &id, now_s, expired);
            }
        }
    }
}

/// Accounts of the integration user, and of each other object some of its own and some of the sales user's.
fn records(org: &mut Org, accounts: usize, now_s: i64) {
    let user = |org: &Org, name: &str| {
        let of = |user: &&User| user.username.split('@').next() == Some(name);
        org.users.iter().find(of).map(|user| user.id.clone()).unwrap_or_default()
    };
    let (integration, sales) = (user(org, "integration"), user(org, "sales"));
    let mut first = String::new();
    for number in 1..=accounts {
        let industry = ["Banking", "Energy", "Retail"][number % 3];
        let fields = json!({
            "Name": format!("Account {number:04}"), "AccountNumber": format!("A-{number:04}"),
            "Industry": industry,
            "AnnualRevenue": number * 1000, "NumberOfEmployees": number % 500,
            "Customer_Key__c": format!("C-{number:04}"),
        });
        let id = org.insert("Account", &integration, now_s, object_of(fields));
        if first.is_empty() {
            first = id;
        }
    }
    for number in 1..=10 {
        let owner = if number % 2 == 0 { &sales } else { &integration };
        for (object, fields) in [
            (
                "Contact",
                json!({
                    "FirstName": "Ada", "LastName": format!("Berg {number}"),
                    "Email": format!("ada{number}@example.com"), "AccountId": first,
                }),
            ),
            (
                "Opportunity",
                json!({
                    "Name": format!("Deal {number}"), "StageName": "Prospecting",
                    "CloseDate": "2026-12-31", "Amount": number * 100, "AccountId": first,
                }),
            ),
            ("Lead", json!({ "LastName": format!("Cole {number}"), "Company": "Cole and Sons" })),
            (
                "Invoice__c",
                json!({
                    "Name": format!("INV-{number}"), "Invoice_Key__c": format!("K-{number}"),
                    "Amount__c": number * 10, "Paid__c": false, "Account__c": first,
                }),
            ),
        ] {
            org.insert(object, owner, now_s, object_of(fields));
        }
    }
}
