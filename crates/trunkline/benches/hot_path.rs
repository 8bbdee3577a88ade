//! What is called for every request: reading a token, `connect` from memory, a look at the registry.
//!
//! `cargo bench -p trunkline --bench hot_path`. The ratios that the project promises are measured by
//! the bench `figures`; these are the same calls in absolute time, with their allocations.

mod common;

use std::future::IntoFuture;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use divan::{AllocProfiler, Bencher};
use trunkline::{Connect, MemoryStore, Registry};

use common::TokenEndpoint;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing is to be waited for here"),
    }
}

#[divan::bench]
fn bare_pointer_and_clock(bencher: Bencher<'_, '_>) {
    let token = common::BareToken::new();
    bencher.bench_local(|| drop(black_box(token.load())));
}

#[divan::bench(args = [1, 100_000])]
fn token_now(bencher: Bencher<'_, '_>, connections: usize) {
    let runtime = common::runtime();
    let (hub, tenants) = runtime.block_on(common::filled(connections));
    let connection = runtime.block_on(common::connect(&hub, &tenants[connections / 2]));
    bencher.bench_local(|| drop(black_box(connection.token_now())));
}

#[divan::bench]
fn access_token(bencher: Bencher<'_, '_>) {
    let runtime = common::runtime();
    let (hub, tenants) = runtime.block_on(common::filled(1));
    let connection = runtime.block_on(common::connect(&hub, &tenants[0]));
    bencher.bench_local(|| drop(black_box(ready(connection.access_token()))));
}

#[divan::bench]
fn connect_in_memory_among_1000(bencher: Bencher<'_, '_>) {
    let runtime = common::runtime();
    let (hub, tenants) = runtime.block_on(common::filled(1_000));
    let mut turn = (0..tenants.len()).cycle();
    bencher.bench_local(|| {
        let tenant = &tenants[turn.next().unwrap_or(0)];
        let answer = ready(hub.tenant(tenant).connect(common::CONNECTOR).into_future());
        assert!(matches!(answer, Ok(Connect::Ready(_))));
        black_box(answer)
    });
}

#[divan::bench]
fn require_ten_known_operations(bencher: Bencher<'_, '_>) {
    let runtime = common::runtime();
    let connection = runtime.block_on(async {
        let hub = common::hub(MemoryStore::default(), TokenEndpoint::default(), false).await;
        common::connect(&hub, "acme").await
    });
    let wanted = common::rights::ten();
    assert!(runtime.block_on(connection.check(&wanted)).is_ok_and(|report| report.is_allowed()));
    bencher.bench_local(|| assert!(black_box(ready(connection.require(&wanted))).is_ok()));
}

#[divan::bench]
fn registry_lookup_among_1000(bencher: Bencher<'_, '_>) {
    let names = common::registry::names();
    let mut turn = (0..names.len()).cycle();
    bencher.bench_local(|| black_box(Registry::global().get(&names[turn.next().unwrap_or(0)])));
}
