//! No secret in what is printed, logged or stored, over a whole life of a connection.

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use common::{KEY, VENDORS, World};
use trunkline::{BrowserSession, Callback, Connect, ConsentStep, Error, KeyRing, SqliteStore, Trunkline};
use trunkline_sim::sage_intacct::TokenFault;

/// Everything that was printed: the log at trace level, and what the test adds.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nothing panics while it prints").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Printed {
    fn add(&mut self, value: &dyn std::fmt::Debug) {
        writeln!(self, "{value:?}\n{value:#?}").expect("memory can be written");
    }

    fn error(&mut self, error: &Error) {
        self.add(error);
        let mut layer: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = layer {
            writeln!(self, "{error}").expect("memory can be written");
            layer = error.source();
        }
        writeln!(self, "{:?}", error.hint_text()).expect("memory can be written");
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_secret_is_printed_logged_or_stored_in_the_clear_over_a_whole_life() {
    let mut printed = Printed::default();
    let log = printed.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || log.clone())
        .init();
    let world = World::new().await;
    let control = world.service.control();
    let mut secrets = vec![world.service.client_secret().to_owned(), world.service.password().to_owned()];

    for round in 0..2 {
        let connect = world.trunkline.tenant("acme").connect("sage_intacct").await.unwrap();
        printed.add(&connect);
        let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
        let browser = BrowserSession::new("canary-browser-session").unwrap();
        let step = request.begin(&browser).await.unwrap();
        printed.add(&(&step, &browser));
        let ConsentStep::Redirect { url } = step else { panic!("a redirect") };
        let back = world.service.approve(&url).await.unwrap();
        let callback = Callback::from_url(&back).unwrap();
        printed.add(&callback);
        secrets.push("canary-browser-session".to_owned());
        secrets.extend(back.query_pairs().map(|(_, value)| value.into_owned()));
        let forged = Callback::from_query("code=canary-forged-code&state=canary-forged-state").unwrap();
        printed.error(&world.trunkline.complete(forged, &browser).await.unwrap_err());
        let completed = world.trunkline.complete(callback.clone(), &browser).await.unwrap();
        printed.add(&completed);
        printed.add(&world.trunkline.complete(callback, &browser).await.unwrap());
        let sage = completed.connection;

        let mut tokens = vec![sage.access_token().await.unwrap().expose().unwrap().to_owned()];
        printed.add(&sage.access_token().await.unwrap());
        printed.add(&sage.get(VENDORS).send().await.unwrap());
        printed.add(&sage.get("/objects/accounts-payable/vendor/none").send().await.unwrap());
        if round == 0 {
            world.half_a_day_later();
            printed.add(&sage.get(VENDORS).send().await.unwrap());
            tokens.push(sage.access_token().await.unwrap().expose().unwrap().to_owned());
            control.revoke_grants(world.service.user_id(), world.service.company_id());
            let other = world.another().await;
            control.fail_token_endpoint(&TokenFault::HalfAnswer, 1);
            let Connect::Ready(same) = other.tenant("acme").connect("sage_intacct").await.unwrap() else {
                panic!()
            };
            printed.error(&same.get(VENDORS).send().await.unwrap_err());
            let third = world.another().await;
            let Connect::Ready(same) = third.tenant("acme").connect("sage_intacct").await.unwrap() else {
                panic!()
            };
            printed.error(&same.get(VENDORS).send().await.unwrap_err());
            // What another hub found out, this one reads before it asks the service again.
            printed.error(&sage.get(VENDORS).send().await.unwrap_err());
            printed.add(&world.trunkline.tenant("acme").connections(None, 9).await.unwrap());
            printed.add(&(&world.trunkline, same.status().await.unwrap(), &same));
        } else {
            let store = SqliteStore::open(world.file()).await.unwrap();
            let builder = Trunkline::builder().store(store).keys(KeyRing::new([8; 32]));
            printed.add(&builder);
            printed.error(&builder.build().await.unwrap_err());
            control.fail_token_endpoint(&TokenFault::Html(502), 1);
            printed.add(&sage.disconnect().await.unwrap());
        }
        secrets.extend(tokens);
    }
    world.trunkline.shutdown(std::time::Duration::from_secs(10)).await.unwrap();

    let printed = printed.0.lock().unwrap().clone();
    assert!(holds(&printed, b"token renewed") && holds(&printed, b"TRACE"), "the log was written");
    for span in ["connect{connector=", "complete{connector=", "disconnect{connector=", "call{connector="] {
        assert!(holds(&printed, span.as_bytes()), "no event belongs to the span {span}");
    }
    let mut stored = Vec::new();
    for suffix in ["", "-wal", "-shm"] {
        let mut file = world.file().into_os_string();
        file.push(suffix);
        stored.extend(std::fs::read(file).unwrap_or_default());
    }
    assert!(holds(&stored, b"trunkline_connections"), "the file was read");
    assert!(secrets.iter().all(|secret| secret.len() >= 8), "no secret is so short that it occurs by chance");
    secrets.push("canary-forged".to_owned());
    for (number, secret) in secrets.iter().enumerate() {
        let shown = String::from_utf8_lossy(&printed);
        let line = shown.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "secret {number} was printed");
        assert!(!holds(&stored, secret.as_bytes()), "secret {number} is stored in the clear");
    }
    assert!(!holds(&printed, &KEY) && !holds(&stored, &KEY), "the sealing key");
}
