//! `connect` for a connection in memory, by three names.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, RwLock};

use trunkline::{Connect, Trunkline};
use trunkline_core::{ConnectionKey, DEFAULT_LABEL};

use crate::Row;
use crate::common;
use crate::measure::{allocations, thread_cpu, time, turns};

const CONNECTIONS: usize = 1_000;
const PASSES: usize = 100;
const TURNS: usize = 31;

pub(crate) fn figure() -> Vec<Row> {
    let runtime = common::runtime();
    let (hub, tenants) = runtime.block_on(common::filled(CONNECTIONS));
    // The usual way to keep connections by name: build the key, lock, look up, clone.
    let keyed: RwLock<HashMap<ConnectionKey, Arc<str>>> =
        RwLock::new(tenants.iter().map(|tenant| (key(tenant), Arc::from(tenant.as_str()))).collect());
    let per_look = |total: f64| {
        #[expect(clippy::cast_precision_loss, reason = "100,000")]
        let looks = (CONNECTIONS * PASSES) as f64;
        total / looks
    };
    let connect = || runtime.block_on(connect_all(&hub, &tenants));
    let pair = turns(
        TURNS,
        || per_look(time(thread_cpu, || look_up(&keyed, &tenants))),
        || per_look(time(thread_cpu, connect)),
    );
    vec![
        Row::new("`connect` in memory among 1,000")
            .reference(format!("locked map by built key, {:.0} ns", pair.reference))
            .ours(format!("{:.0} ns", pair.ours))
            .at_most(pair.ours, 150.0, "ns"),
        Row::new("allocations of 100,000 `connect` in memory").at_most(allocations(connect), 0.0, "in all"),
    ]
}

async fn connect_all(hub: &Trunkline, tenants: &[String]) {
    for _ in 0..PASSES {
        for tenant in tenants {
            let answer = hub.tenant(tenant).connect(common::CONNECTOR).await;
            assert!(matches!(black_box(answer), Ok(Connect::Ready(_))), "not in memory");
        }
    }
}

fn look_up(keyed: &RwLock<HashMap<ConnectionKey, Arc<str>>>, tenants: &[String]) {
    for _ in 0..PASSES {
        for tenant in tenants {
            let found = keyed.read().expect("no panic").get(&key(tenant)).cloned();
            black_box(found).expect("it is there");
        }
    }
}

fn key(tenant: &str) -> ConnectionKey {
    ConnectionKey::new(tenant, common::CONNECTOR, DEFAULT_LABEL).expect("names")
}
