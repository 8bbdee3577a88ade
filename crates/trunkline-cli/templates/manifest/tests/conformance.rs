//! The kit against Acme: every rule of the contract, for each way to hold a grant.

use trunkline_testkit::{Profile, Report};

#[test]
fn acme_keeps_every_rule() {
    for profile in Profile::of_manifest_file("acme.toml").expect("the manifest is sound") {
        let report = Report::of(&profile);
        assert_eq!(report.broken().count(), 0, "{report}");
    }
}
