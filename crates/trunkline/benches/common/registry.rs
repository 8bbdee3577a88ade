//! 1,000 registered connectors, as 1,000 linked crates would submit them.

use trunkline_core::__private::inventory;
use trunkline_core::{ConnectorInfo, Registration};

const INFO: ConnectorInfo = ConnectorInfo { title: "Acme", docs: "", methods: &["api_key"] };

macro_rules! registrations {
    ($($hundreds:literal)*) => { $(registrations!(@tens $hundreds 0 1 2 3 4 5 6 7 8 9);)* };
    (@tens $hundreds:literal $($tens:literal)*) => {
        $(registrations!(@ones $hundreds $tens 0 1 2 3 4 5 6 7 8 9);)*
    };
    (@ones $hundreds:literal $tens:literal $($ones:literal)*) => {$(
        inventory::submit! {
            Registration {
                name: concat!("connector_", $hundreds, $tens, $ones),
                info: INFO,
                crate_name: concat!("crate-", $hundreds, $tens, $ones),
                refusal: |_| None,
                diagnose: |_, _| None,
            }
        }
    )*};
}

registrations!(0 1 2 3 4 5 6 7 8 9);

/// The names, in an order in which no two neighbours are near.
pub(crate) fn names() -> Vec<String> {
    (0..1_000).map(|number| format!("connector_{:03}", number * 387 % 1_000)).collect()
}
