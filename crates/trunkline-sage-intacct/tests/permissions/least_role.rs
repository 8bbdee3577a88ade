//! The least role, made in the simulated service for a user with nothing else.

use trunkline_core::http::StatusCode;
use trunkline_core::permission::{Certainty, Operation};

use crate::common::Rig;
use crate::{COMPANY, call, map, read, served, sign_in};

#[tokio::test]
async fn the_least_role_passes_what_was_wanted_and_nothing_that_needs_more() {
    let rig = Rig::start("authorization_code", |config| config).await;
    let client = reqwest::Client::new();
    let served = served(&rig, &client).await;
    let operations: Vec<_> = served
        .into_iter()
        .filter(|operation| map(&rig).need(operation).unwrap().certainty > Certainty::Assumed)
        .collect();
    let admin = sign_in(&rig, "integration").await;
    let rights = read(&rig, &admin, "integration", &[]).await;
    let user = sign_in(&rig, "norights").await;
    let [admin, user] = [admin, user].map(|grant| grant.credential.access_token.unwrap());
    let mut seed = 7_u64;
    let (mut passed, mut refused) = (0, 0);
    for set in 0..50 {
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap()
        };
        let wanted: Vec<_> =
            (0..=random() % 8).map(|_| operations[random() % operations.len()].clone()).collect();
        let role = map(&rig).least_role(&format!("Least {set}"), &wanted, Some(&rights)).unwrap();
        let url = format!("{}ia/api/v1/objects/company-config/role", rig.simulator.url());
        let body = role.machine.unwrap().text;
        let made = client.post(url).bearer_auth(admin.expose()).body(body).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        rig.simulator.control().change_role("norights", COMPANY, &role.name).unwrap();
        // Objects that share a permission cannot be told apart: another may be open with those that were wanted.
        let implied = |operation: &Operation| {
            map(&rig)
                .need(operation)
                .unwrap()
                .any_of
                .iter()
                .any(|all| all.iter().all(|permission| role.permissions.contains(permission)))
        };
        for operation in wanted.iter().chain(&operations) {
            let open = call(&rig, &client, user.expose(), operation).await != StatusCode::FORBIDDEN;
            assert_eq!(open, implied(operation), "{operation} of {wanted:?}");
            assert!(open || !wanted.contains(operation));
            if open { passed += 1 } else { refused += 1 }
        }
    }
    println!("50 least roles: {passed} calls passed, {refused} were refused");
    assert!(passed > 500 && refused > 10_000);
}
