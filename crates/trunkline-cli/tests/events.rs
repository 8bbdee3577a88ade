//! `trunkline events`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::process::Stdio;

use common::{World, fields};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};

#[tokio::test]
async fn events_are_told_in_order_and_a_cursor_goes_on_behind_them() {
    let world = World::new().await;
    world.connect(&[]).await;
    world.lose_the_grant().await;
    let ran = world.run(&["events", "--json"]).await;
    let lines = ran.lines();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!((ran.code, kinds), (0, vec!["connected", "needs_consent"]));
    assert_eq!(
        fields(&lines[1]),
        ["at", "connection", "connector", "cursor", "diagnosis", "id", "kind", "label", "tenant"]
    );
    assert_eq!(lines[1]["diagnosis"]["cause"], "grant_revoked");

    let cursor = lines[0]["cursor"].to_string();
    let rest = world.run(&["events", "--json", "--after", &cursor]).await;
    assert_eq!(rest.lines(), lines[1..], "behind the first one");
    assert_eq!(world.run(&["events", "--json", "--after", "newest"]).await.out, "");
    assert_eq!(world.run(&["events", "--json", "--tenant", "globex"]).await.out, "");
    let human = world.run(&["events"]).await;
    assert!(human.out.starts_with("CURSOR") && human.out.contains("grant_revoked:"), "{human:?}");

    let ahead = world.run(&["events", "--after", "99"]).await;
    assert!(ahead.code == 2 && ahead.err.contains("ahead of the store"), "{ahead:?}");
    assert_eq!(world.run(&["events", "--after", "yesterday"]).await.code, 2);
}

#[tokio::test]
async fn events_are_followed_until_the_interrupt() {
    let world = World::new().await;
    world.connect(&[]).await;
    let mut command = world.command(&["events", "--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    assert!(first.contains("\"connected\""), "{first}");
    world.lose_the_grant().await;
    let next = lines.next_line().await.unwrap().unwrap();
    assert!(next.contains("\"needs_consent\""), "{next}");

    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}
