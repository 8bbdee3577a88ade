//! The entity that a connection works in: the one that its session is scoped to.

use trunkline_core::permission::{Kind, Operation, Permission, Verdict};
use trunkline_core::{Account, Grant};
use trunkline_sage_intacct::CAPTURE_ENTITY;

use crate::common::Rig;
use crate::{BILL, COMPANY, VENDOR, map, missing, read, session_in, sign_in};

/// What is said of posting a bill in an entity that the hub scopes the session to.
async fn post_in(rig: &Rig, grant: &Grant, user: &str, entity: Option<&str>) -> Verdict {
    let session = session_in(rig, grant, entity, None);
    let post = Operation::create(BILL);
    let account = Account::new(COMPANY, user);
    let rights = map(rig).read(&rig.cx, &session, &account, std::slice::from_ref(&post)).await.unwrap();
    map(rig).judge(&rights, &post)
}

fn lacks(verdict: Verdict) -> Permission {
    let Verdict::Denied { mut missing } = verdict else { panic!("{verdict:?}") };
    assert_eq!(missing.len(), 1);
    missing.remove(0)
}

#[tokio::test]
async fn an_entity_that_the_user_may_not_enter_is_denied_whatever_the_rights() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let mut grant = sign_in(&rig, "e100only").await;
    for (entity, denied) in [("E100", false), ("E200", true)] {
        // By the connection's own capture, and by a session that the hub scoped.
        grant.captures.insert(CAPTURE_ENTITY, entity);
        let post = Operation::create(BILL);
        let captured =
            map(&rig).judge(&read(&rig, &grant, "e100only", std::slice::from_ref(&post)).await, &post);
        for verdict in [captured, post_in(&rig, &grant, "e100only", Some(entity)).await] {
            assert_eq!(verdict.is_denied(), denied, "{entity}: {verdict:?}");
            if denied {
                let lack = lacks(verdict);
                assert_eq!((lack.kind, lack.name.as_ref()), (Kind::Object, "the entity E200"));
                assert_eq!(lack.set_at, "the user's entity restrictions");
            }
        }
    }
    // Without an entity, the user works in its own.
    assert_eq!(post_in(&rig, &grant, "e100only", None).await, Verdict::Allowed);
}

#[tokio::test]
async fn an_entity_that_does_not_exist_is_the_connections_fault_where_that_can_be_known() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let mut grants = Vec::new();
    for user in ["integration", "e100only", "clerk", "usersonly"] {
        grants.push((user, sign_in(&rig, user).await));
    }
    let post = async |at: usize, entity| post_in(&rig, &grants[at].1, grants[at].0, Some(entity)).await;
    for entity in ["E999", "e100"] {
        // Nothing is closed to this user, so that what is closed is not there.
        let lack = lacks(post(0, entity).await);
        assert_eq!(lack.name, format!("an entity {entity}, which the company does not have"));
        assert_eq!(
            (lack.set_at.as_ref(), lack.set_by.as_ref()),
            ("the entity ID that the connection works in", "the application's operator")
        );
        // For one who is restricted, and for one whose restrictions cannot be seen, both look alike.
        for at in [1, 2] {
            let lack = lacks(post(at, entity).await);
            assert_eq!(lack.name, format!("the entity {entity}"), "{}", grants[at].0);
        }
    }
    // Whoever lacks the permission lacks that first.
    assert_eq!(missing(post(3, "E999").await).1, "accountsPayable.bills: list accountsPayable.bills: add");
}

#[tokio::test]
async fn objects_are_asked_inside_the_entity_and_rights_are_read_outside_of_it() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let grant = sign_in(&rig, "employee").await;
    let session = session_in(&rig, &grant, Some("E100"), None);
    rig.simulator.control().clear_requests();
    let operations = [Operation::list("company-config/department"), Operation::list(VENDOR)];
    let account = Account::new(COMPANY, "employee");
    let rights = map(&rig).read(&rig.cx, &session, &account, &operations).await.unwrap();
    assert!(operations.iter().all(|operation| map(&rig).judge(&rights, operation).is_allowed()));
    let requests = rig.simulator.control().requests();
    let scoped: Vec<bool> =
        requests.iter().map(|request| request.headers.contains_key("x-ia-api-param-entity")).collect();
    // The last two: the entity's door, and the one object that the rights leave open.
    let (outside, inside) = scoped.split_at(scoped.len() - 2);
    assert!(outside.len() >= 4 && outside.iter().all(|scoped| !scoped));
    assert!(inside.iter().all(|scoped| *scoped));
}
