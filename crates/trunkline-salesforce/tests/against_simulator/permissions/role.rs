//! Least roles, deployed for a user who has nothing else.

use trunkline_core::permission::{Kind, Operation};

use super::super::rig::Rig;
use super::cast::{
    Caller, ORG, SETUP, at_globex, map, missing, operation, operations, read, sign_in, users, verdict,
};

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
async fn the_guide_shows_the_file_that_is_written() {
    let rig = Rig::start().await;
    let wanted = [operation("update:Account.Industry"), operation("list:account.INDUSTRY")];
    let machine = map(&rig).least_role("Billing sync", &wanted, None).unwrap().machine.unwrap();
    let guide = include_str!("../../../../../docs/guides/salesforce.md");
    assert!(guide.contains(&machine.text), "{}", machine.text);
    assert!(machine.takes.ends_with("permissionsets/Billing_sync.permissionset"));
}

#[tokio::test]
async fn with_the_rights_of_a_connection_a_role_leaves_out_what_no_field_permission_decides() {
    let rig = Rig::start().await;
    let control = rig.simulator.control();
    control.add_object(ORG, "Budget__c").unwrap();
    control.add_field(ORG, "Budget__c", "Total__c", "currency!").unwrap();
    control.set_object_permissions(ORG, "Integration", "Budget__c", &["read", "edit"]).unwrap();
    let grant = sign_in(&rig, &at_globex("integration")).await;
    let wanted = [operation("update:budget__C.Total__c")];
    let rights = read(&rig, &grant, &wanted).await;
    // Without them it cannot be known that the field is required.
    let xml = |rights| map(&rig).least_role("Budget", &wanted, rights).unwrap().machine.unwrap().text;
    assert!(control.deploy_permission_set(ORG, "Budget", &xml(None)).is_err());
    control.deploy_permission_set(ORG, "Budget", &xml(Some(&rights))).unwrap();
    assert!(xml(Some(&rights)).contains("<object>Budget__c</object>"), "as the org spells it");
}
