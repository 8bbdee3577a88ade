//! A refusal of a real call, as the connector diagnoses it, back to the operation and to what is missing: without
//! rights, with those that were read before, and with those that are read again after it.

use std::time::Duration;

use trunkline_core::http::Method;
use trunkline_core::permission::{Kind, Operation, Outgoing, Reason, Rights, Verdict};
use trunkline_core::{Account, Call, Cause, Diagnosis, Exchange, Grant, Request, RequestBody, Session};
use trunkline_sim::sage_intacct::Control;

use crate::common::{NOW, Rig};
use crate::{COMPANY, map, session_in, sign_in};

const OBJECTS: &str = "/objects/accounts-payable/vendor";
const SECURITY: &str = "Company > Setup > Company > Edit > Security";

/// What one lack is called, and the words of the menus.
type Lack<'a> = (Kind, &'a str, &'a str);

struct Refused {
    operation: Operation,
    diagnosis: Diagnosis,
}

/// Makes a call that is refused after a second.
async fn make(rig: &Rig, session: &Session, method: Method, path: &str, body: &str) -> Refused {
    let outgoing = Outgoing { method: &method, path, body: body.as_bytes() };
    let mut operations = map(rig).operations(&outgoing).unwrap();
    assert_eq!(operations.len(), 1);
    let mut request = Request::new(method.clone(), session.endpoint().join(path).unwrap());
    if let (Some(name), Some(entity)) = (session.endpoint().entity_header_name(), session.endpoint().entity())
    {
        request.headers.insert(name.clone(), entity.clone());
    }
    request.body = RequestBody::Bytes(body.to_owned().into());
    let (head, body) = session.send(request).await.unwrap().into_parts();
    let body = body.collect(64 * 1024).await.unwrap();
    let (status, headers) = (head.status, &head.headers);
    let exchange = Exchange { call: Call::Api, method: &method, path, status, headers, body: &body };
    assert!(!status.is_success(), "{method} {path}: {status}");
    let diagnosis = rig.connector.diagnose(&exchange).unwrap();
    let at = NOW.checked_add(Duration::from_secs(1)).unwrap();
    Refused { operation: operations.remove(0), diagnosis: diagnosis.during("call", at) }
}

fn lacks(verdict: &Verdict) -> Vec<Lack<'_>> {
    let Verdict::Denied { missing } = verdict else { panic!("{verdict:?}") };
    missing.iter().map(|lack| (lack.kind, lack.name.as_ref(), lack.set_at.as_ref())).collect()
}

/// One user before a call, and what becomes of it.
struct Case {
    rig: Rig,
    user: &'static str,
    grant: Grant,
    entity: Option<&'static str>,
    before: Rights,
    refused: Refused,
}

impl Case {
    /// Reads the rights, changes the service, and calls.
    async fn of(
        user: &'static str,
        entity: Option<&'static str>,
        change: impl FnOnce(&Control),
        (method, path, body): (Method, &str, &str),
    ) -> Self {
        let rig = Rig::start("authorization_code", |config| config).await;
        let grant = sign_in(&rig, user).await;
        let session = session_in(&rig, &grant, entity, None);
        let outgoing = Outgoing { method: &method, path, body: body.as_bytes() };
        let operations = map(&rig).operations(&outgoing).unwrap();
        let account = Account::new(COMPANY, user);
        let before = map(&rig).read(&rig.cx, &session, &account, &operations).await.unwrap();
        change(&rig.simulator.control());
        let refused = make(&rig, &session, method, path, body).await;
        Self { rig, user, grant, entity, before, refused }
    }

    fn says(&self, rights: Option<&Rights>) -> Verdict {
        map(&self.rig).refused(&self.refused.operation, &self.refused.diagnosis, rights)
    }

    /// What the rights say that are read after the refusal; where reading them is refused, what that refusal says.
    async fn read_again(&self) -> Verdict {
        let session = session_in(&self.rig, &self.grant, self.entity, None);
        let account = Account::new(COMPANY, self.user);
        let operation = &self.refused.operation;
        let asked = std::slice::from_ref(operation);
        match map(&self.rig).read(&self.rig.cx, &session, &account, asked).await {
            Ok(rights) => map(&self.rig).judge(&rights, operation),
            Err(error) => {
                let diagnosis = error.diagnosis().unwrap().clone();
                map(&self.rig).refused(operation, &diagnosis, None)
            }
        }
    }
}

const POST: (Method, &str, &str) = (Method::POST, OBJECTS, r#"{"name":"A"}"#);

#[tokio::test]
async fn a_layer_that_sage_names_is_named_whatever_is_known_of_rights() {
    type Change = fn(&Control);
    let named: [(&str, Change, Lack<'_>); 5] = [
        (
            "company",
            |control| control.set_company_active(COMPANY, false),
            (Kind::Company, "an active company that authorises the sender ID and the client ID", SECURITY),
        ),
        (
            // Sage has one code for it and for the company.
            "sender",
            |control| control.deauthorise_sender(COMPANY),
            (Kind::Company, "an active company that authorises the sender ID and the client ID", SECURITY),
        ),
        (
            "address",
            |control| control.set_address_admitted(COMPANY, false),
            (
                Kind::Company,
                "the address that the calls come from",
                "the IP filter in Company > Setup > Company > Edit > Security",
            ),
        ),
        (
            "Web Services",
            |control| control.unsubscribe(COMPANY, "webServices"),
            (Kind::Company, "the application Web Services", "Company > Admin > Subscriptions"),
        ),
        (
            "module",
            |control| control.unsubscribe(COMPANY, "accountsPayable"),
            (Kind::Company, "the application accountsPayable", "Company > Admin > Subscriptions"),
        ),
    ];
    for (layer, change, expected) in named {
        let case = Case::of("integration", None, change, POST).await;
        assert_eq!(case.refused.operation.to_string(), "create:accounts-payable/vendor");
        for verdict in [case.says(None), case.says(Some(&case.before)), case.read_again().await] {
            assert_eq!(lacks(&verdict), [expected], "{layer}");
        }
    }
}

#[tokio::test]
async fn a_feature_that_is_switched_off_is_no_missing_permission() {
    let body = r#"{"customer":{"id":"C-0001"},"lines":[{"glAccount":{"id":"4000"},"txnAmount":"1"}]}"#;
    let change = |control: &Control| control.set_account_override(COMPANY, false);
    let call = (Method::POST, "/objects/accounts-receivable/invoice", body);
    let case = Case::of("integration", None, change, call).await;
    assert_eq!(case.refused.diagnosis.cause(), Cause::FeatureDenied);
    for verdict in [case.says(None), case.says(Some(&case.before))] {
        let expected = (
            Kind::Company,
            "the feature, or the permission, that Sage's message names",
            "the application's configuration, or Global Transaction Security",
        );
        assert_eq!(lacks(&verdict), [expected]);
    }
    // Rights do not tell of switches: by them it would pass.
    assert_eq!(case.read_again().await, Verdict::Allowed);
}

/// The names of what a verdict misses.
fn names(verdict: &Verdict) -> Vec<(Kind, &str)> {
    lacks(verdict).into_iter().map(|(kind, name, _)| (kind, name)).collect()
}

#[tokio::test]
async fn an_application_that_is_not_admitted_is_told_from_a_permission_by_reading_again() {
    for user in ["integration", "clerk"] {
        let rig_client = |control: &Control| {
            for client in control.families().iter().map(|family| family.client_id.clone()).collect::<Vec<_>>()
            {
                control.deauthorise_client(COMPANY, &client);
            }
        };
        let case = Case::of(user, None, rig_client, POST).await;
        // The answer is the one for a permission.
        assert_eq!(case.refused.diagnosis.cause(), Cause::PermissionMissing);
        let guess =
            [(Kind::Object, "accountsPayable.vendors: list"), (Kind::Action, "accountsPayable.vendors: add")];
        assert_eq!(names(&case.says(None)), guess);
        let found = case.read_again().await;
        let expected = (
            Kind::Company,
            "the client ID of the application, with status Active",
            "Company > Setup > Company > Edit > Security > Authorized Client Applications",
        );
        assert_eq!(lacks(&found), [expected], "{user}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_by_its_rights() {
    let delete = (Method::DELETE, "/objects/accounts-payable/vendor/1", "");
    // One whose rights can be read, and who has all but one of them.
    let case = Case::of("useradmin", None, |_| {}, delete.clone()).await;
    let one = [(Kind::Action, "accountsPayable.vendors: delete")];
    assert_eq!(names(&case.says(Some(&case.before))), one);
    assert_eq!(names(&case.read_again().await), one);
    assert_eq!(
        names(&case.says(None)),
        [(Kind::Object, "accountsPayable.vendors: list"), (Kind::Action, "accountsPayable.vendors: delete")]
    );
    // One whose rights cannot be read, and of whom it is known that vendors may be listed.
    let case = Case::of("clerk", None, |_| {}, delete).await;
    assert_eq!(names(&case.says(Some(&case.before))), one);
    // An action of the service's own.
    let approve = (Method::POST, "/workflows/accounts-payable/bill/approve", r#"{"key":"1"}"#);
    let case = Case::of("useradmin", None, |_| {}, approve).await;
    assert_eq!(case.refused.operation.to_string(), "approve:accounts-payable/bill");
    let approval = ["accountsPayable.approveBills: list", "accountsPayable.approveBills: level1"];
    for verdict in [case.says(None), case.says(Some(&case.before))] {
        assert_eq!(names(&verdict).iter().map(|(_, name)| *name).collect::<Vec<_>>(), approval);
    }
    // One of which Sage does not say what it needs: the name is given as the guess that it is.
    let submit = (Method::POST, "/workflows/accounts-payable/bill/submit", r#"{"key":"1"}"#);
    let case = Case::of("approver", None, |_| {}, submit).await;
    let guess = "a permission for submit:accounts-payable/bill, perhaps accountsPayable.bills: list, add";
    assert_eq!(names(&case.says(Some(&case.before))), [(Kind::Action, guess)]);
}

#[tokio::test]
async fn rights_that_change_between_reading_and_calling_are_no_longer_believed() {
    let change = |control: &Control| {
        control.set_permissions(COMPANY, "Integration", ("accountsPayable", "vendors"), &["list"]).unwrap();
    };
    let case = Case::of("integration", None, change, POST).await;
    assert_eq!(map(&case.rig).judge(&case.before, &case.refused.operation), Verdict::Allowed);
    assert!(names(&case.says(Some(&case.before))).contains(&(Kind::Action, "accountsPayable.vendors: add")));
    assert_eq!(names(&case.read_again().await), [(Kind::Action, "accountsPayable.vendors: add")]);
    // Given back after the refusal: rights that are newer than it, and permit it, accuse no permission.
    let given = |control: &Control| {
        control
            .set_permissions(COMPANY, "Integration", ("accountsPayable", "vendors"), &["list", "add"])
            .unwrap();
    };
    given(&case.rig.simulator.control());
    let session = case.rig.session(&case.grant);
    let account = Account::new(COMPANY, case.user);
    let rights = map(&case.rig).read(&case.rig.cx, &session, &account, &[]).await.unwrap();
    let earlier = NOW.checked_sub(Duration::from_secs(1)).unwrap();
    let diagnosis = Diagnosis::new(Cause::PermissionMissing).during("call", earlier);
    let verdict = map(&case.rig).refused(&case.refused.operation, &diagnosis, Some(&rights));
    assert!(matches!(verdict, Verdict::Unknown(why) if why.reason == Reason::DependsOnRecord));
}

#[tokio::test]
async fn a_user_type_that_refuses_is_a_role_and_not_a_permission() {
    // Documented: no other type than business may post.
    let entry = (Method::POST, "/objects/general-ledger/journal-entry", r#"{"description":"A"}"#);
    let case = Case::of("manager", None, |_| {}, entry).await;
    let expected = "a user type that permits it, such as business, in place of projectManager";
    assert_eq!(names(&case.says(Some(&case.before))), [(Kind::Role, expected)]);
    // Not documented: all that could be given is held, and the refusal shows that the type is what refuses.
    let term = (Method::POST, "/objects/accounts-payable/term", r#"{"id":"A"}"#);
    let case = Case::of("employee", None, |_| {}, term).await;
    assert!(matches!(map(&case.rig).judge(&case.before, &case.refused.operation), Verdict::Unknown(_)));
    let expected = "a user type that permits it, such as business, in place of employee";
    assert_eq!(names(&case.says(Some(&case.before))), [(Kind::Role, expected)]);
}

#[tokio::test]
async fn an_entity_that_is_closed_is_told_by_the_rights_in_it() {
    let case = Case::of("e100only", Some("E200"), |_| {}, POST).await;
    let expected = [(Kind::Object, "the entity E200", "the user's entity restrictions")];
    assert_eq!(lacks(&case.says(Some(&case.before))), expected);
    assert_eq!(lacks(&case.read_again().await), expected);
    // The same of one who may not see users.
    let restrict = |control: &Control| control.change_role("e100only", COMPANY, "AP Clerk").unwrap();
    let case = Case::of("e100only", Some("E200"), restrict, POST).await;
    assert_eq!(lacks(&case.read_again().await), expected);
    // A refusal that says so names it, too.
    let diagnosis = Diagnosis::new(Cause::EntityForbidden);
    let verdict = map(&case.rig).refused(&case.refused.operation, &diagnosis, Some(&case.before));
    assert_eq!(lacks(&verdict), expected);
}

#[tokio::test]
async fn a_record_that_is_not_visible_is_no_missing_permission() {
    let probe = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&probe, "integration").await;
    let session = session_in(&probe, &grant, Some("E200"), None);
    let query =
        r#"{"object":"accounts-payable/vendor","fields":["key"],"filters":[{"$eq":{"id":"V-E200-1"}}]}"#;
    let mut request = Request::new(Method::POST, session.endpoint().join("/services/core/query").unwrap());
    request.headers.insert("x-ia-api-param-entity", "E200".parse().unwrap());
    request.body = RequestBody::Bytes(query.to_owned().into());
    let body = session.send(request).await.unwrap().into_parts().1.collect(4096).await.unwrap();
    let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
    // Every simulator counts its keys alike.
    let path = format!("{OBJECTS}/{}", found["ia::result"][0]["key"].as_str().unwrap());
    let case = Case::of("e100only", None, |_| {}, (Method::GET, &path, "")).await;
    assert_eq!(case.refused.diagnosis.cause(), Cause::NotFound);
    let says = |rights: Option<&Rights>| match case.says(rights) {
        Verdict::Unknown(why) if why.reason == Reason::DependsOnRecord => why.detail.into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(says(None), "the record is not there, or this user cannot see it");
    assert_eq!(
        says(Some(&case.before)),
        "the record is not there, or this user cannot see it, since the user may work in E100 alone"
    );
}

#[tokio::test]
async fn what_no_permission_opens_is_not_taken_for_one() {
    let lock = |control: &Control| control.lock_user("integration", COMPANY).unwrap();
    let case = Case::of("integration", None, lock, POST).await;
    assert_eq!(case.refused.diagnosis.cause(), Cause::AccessTokenRejected);
    assert!(matches!(case.says(Some(&case.before)), Verdict::Unknown(_)));
    for cause in [Cause::RateLimited, Cause::BusinessRule, Cause::RequestInvalid, Cause::ServiceUnavailable] {
        let verdict =
            map(&case.rig).refused(&case.refused.operation, &Diagnosis::new(cause), Some(&case.before));
        assert!(matches!(verdict, Verdict::Unknown(_)), "{cause:?}");
    }
}
