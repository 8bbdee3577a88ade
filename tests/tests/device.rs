//! A device consent (RFC 8628), from the code that is shown to the stored grant.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use scripted::{Answer, Faults, PlayedClock, PlayedTransport, Process, When, World, json, settled, token};
use trunkline::{
    BrowserSession, Callback, Cause, Completed, Connect, ConsentRequest, ConsentStep, Error, ErrorKind,
    Inputs, Secret, Store as _,
};
use trunkline_core::{Body, Request, Reuse, Transport, TransportError, async_trait, http};
use trunkline_tests::Call;

/// A service that answers as a test says, and when each request came, in seconds.
#[derive(Debug, Clone)]
struct Service {
    answers: PlayedTransport,
    clock: PlayedClock,
    at: Arc<Mutex<Vec<u64>>>,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if request.url.path() == "/token" {
            self.at.lock().unwrap().push(self.clock.elapsed().as_secs());
        }
        self.answers.send(request).await
    }
}

/// Processes on one store, at one service.
struct Town {
    world: World,
    service: Service,
    api: PlayedTransport,
    browser: BrowserSession,
}

impl Town {
    fn new() -> Self {
        let world = World::new(Reuse::KillsFamily);
        let service =
            Service { answers: PlayedTransport::default(), clock: world.clock.clone(), at: Arc::default() };
        let browser = BrowserSession::random().unwrap();
        Self { world, service, api: PlayedTransport::default(), browser }
    }

    async fn process(&self) -> Process {
        self.faulty(&Faults::new()).await
    }

    async fn faulty(&self, faults: &Arc<Faults>) -> Process {
        let (tokens, api) = (self.service.clone(), self.api.clone());
        let set = |builder: trunkline::Builder| builder.token_transport(tokens).transport(api);
        self.world.process_with(faults.clone(), set).await.unwrap()
    }

    /// What becomes of the polls to come.
    fn will(&self, answers: impl IntoIterator<Item = Answer>) {
        answers.into_iter().for_each(|answer| self.service.answers.will(answer));
    }

    async fn request(&self, process: &Process) -> ConsentRequest {
        match process.trunkline.tenant("acme").connect("played").method("device_code").await.unwrap() {
            Connect::NeedsConsent(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// A code is shown that lives so many seconds; answers the consent's state.
    async fn begun(&self, process: &Process, life_s: u64) -> Secret {
        self.service.answers.will(codes(life_s));
        let request = self.request(process).await;
        let ConsentStep::Device { state, user_code, .. } = request.begin(&self.browser).await.unwrap() else {
            panic!("a code")
        };
        assert_eq!(user_code, "WDJB-MJHT");
        state
    }

    async fn complete(&self, process: &Process, state: &Secret) -> Result<Completed, Error> {
        let callback = Callback::from_form(state, &Inputs::default());
        process.trunkline.complete(callback, &self.browser).await
    }

    /// The whole of a consent in one process.
    async fn plays(
        &self,
        life_s: u64,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Result<Completed, Error> {
        let process = self.process().await;
        let state = self.begun(&process, life_s).await;
        self.will(answers);
        self.complete(&process, &state).await
    }

    fn is_ada(&self) {
        self.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    }

    /// When the service was polled.
    fn polls(&self) -> Vec<u64> {
        self.service.at.lock().unwrap().clone()
    }
}

fn codes(life_s: u64) -> Answer {
    json(
        200,
        &format!(
            r#"{{"device_code":"canary-device","user_code":"WDJB-MJHT","interval":5,"expires_in":{life_s},
            "verification_uri":"https://auth.played.test/device"}}"#
        ),
    )
}

fn says(error: &str) -> Answer {
    json(400, &format!(r#"{{"error":"{error}"}}"#))
}

fn pending() -> Answer {
    says("authorization_pending")
}

fn granted() -> Answer {
    token("canary-a1", "canary-r1", 3600)
}

fn lost() -> Answer {
    Answer::Fail(TransportError::Unknown("reset".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn c_8628_01_the_service_is_never_polled_faster_than_its_interval() {
    let town = Town::new();
    town.is_ada();

    let done = town.plays(600, [pending(), pending(), pending(), granted()]).await.unwrap();

    assert_eq!(town.polls(), [5, 10, 15, 20]);
    assert_eq!(done.connection.token_now().unwrap().expose(), Some("canary-a1"));
    assert_eq!(done.connection.account().await.unwrap().unwrap().user, "ada");
}

#[tokio::test(start_paused = true)]
async fn c_8628_02_slow_down_adds_five_seconds_to_all_later_polls() {
    let town = Town::new();
    town.is_ada();

    let answers = [says("slow_down"), pending(), says("slow_down"), pending(), lost(), pending(), granted()];
    town.plays(600, answers).await.unwrap();

    assert_eq!(town.polls(), [5, 15, 25, 40, 55, 85, 100], "5 s, 10, 10, 15, 15, twice 15, 15");
}

#[tokio::test(start_paused = true)]
async fn c_8628_03_what_ends_the_consent_ends_the_polls_and_is_told_again() {
    for (answer, cause) in [
        (says("access_denied"), Cause::ConsentDenied),
        (says("expired_token"), Cause::ConsentExpired),
        (says("invalid_grant"), Cause::ConsentInvalid),
        (says("odd"), Cause::RequestInvalid),
        (json(401, r#"{"error":"invalid_client"}"#), Cause::ClientCredentialsInvalid),
    ] {
        let town = Town::new();
        let process = town.process().await;
        let state = town.begun(&process, 600).await;
        town.will([pending(), answer]);

        let ended = town.complete(&process, &state).await.unwrap_err();
        assert_eq!(ended.cause(), Some(cause));
        tokio::time::sleep(Duration::from_secs(7200)).await;
        let again = town.complete(&town.process().await, &state).await.unwrap_err();
        assert_eq!(again.cause(), Some(cause));
        assert_eq!(town.polls(), [5, 10], "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn c_8628_03_nobody_polls_beyond_the_time_of_the_code_whatever_the_service_says() {
    let town = Town::new();

    let ended = town.plays(12, [pending(), pending()]).await.unwrap_err();

    assert_eq!(ended.cause(), Some(Cause::ConsentExpired));
    assert_eq!(town.polls(), [5, 10]);
    let late = Town::new();
    let process = late.process().await;
    let state = late.begun(&process, 12).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let ended = late.complete(&process, &state).await.unwrap_err();
    assert_eq!(ended.cause(), Some(Cause::ConsentExpired));
    assert!(late.polls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn c_8628_04_an_outage_doubles_the_pause_and_an_answer_ends_that() {
    let town = Town::new();
    town.is_ada();
    let unsent = Answer::Fail(TransportError::NotSent("refused".to_owned()));

    town.plays(600, [unsent, json(503, ""), lost(), pending(), granted()]).await.unwrap();

    assert_eq!(town.polls(), [5, 15, 35, 75, 80]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_service_asks_for_is_kept() {
    let town = Town::new();
    town.is_ada();
    let limited = Answer::Http(429, vec![("retry-after", "200".to_owned())], "{}".to_owned());

    town.plays(600, [limited, pending(), granted()]).await.unwrap();

    assert_eq!(town.polls(), [5, 205, 210]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_hangs_is_given_up_and_holds_nobody_up() {
    let town = Town::new();
    town.is_ada();

    town.plays(600, [Answer::Hang, pending(), granted()]).await.unwrap();

    assert_eq!(town.polls(), [5, 45, 50], "30 s for the request, then twice the interval");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_a_lost_answer_may_have_spent_has_an_unknown_outcome() {
    for refusal in ["invalid_grant", "expired_token", "odd"] {
        let unknown = Town::new().plays(600, [lost(), says(refusal)]).await.unwrap_err();
        assert_eq!(unknown.cause(), Some(Cause::ConsentOutcomeUnknown), "{refusal}");
        let known = Town::new().plays(600, [lost(), pending(), says(refusal)]).await.unwrap_err();
        assert_ne!(known.cause(), Some(Cause::ConsentOutcomeUnknown), "{refusal}");
    }
    let denied = Town::new().plays(600, [lost(), says("access_denied")]).await.unwrap_err();
    assert_eq!(denied.cause(), Some(Cause::ConsentDenied), "who denied approved nothing");
    let over = Town::new().plays(9, [lost()]).await.unwrap_err();
    assert_eq!(over.cause(), Some(Cause::ConsentOutcomeUnknown));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_loses_no_grant() {
    let town = Town::new();
    let process = town.process().await;
    let state = town.begun(&process, 600).await;
    town.will([pending(), granted()]);
    town.is_ada();

    let gone = tokio::time::timeout(Duration::from_secs(1), town.complete(&process, &state)).await;
    assert!(gone.is_err(), "nobody has approved yet");
    tokio::time::sleep(Duration::from_secs(20)).await;

    let connect = process.trunkline.tenant("acme").connect("played").await.unwrap();
    assert!(matches!(connect, Connect::Ready(_)), "{connect:?}");
    assert_eq!(town.polls(), [5, 10]);
    assert!(town.complete(&process, &state).await.is_ok(), "who comes back is told");
}

#[tokio::test(start_paused = true)]
async fn however_many_complete_a_consent_one_polls_and_all_get_its_result() {
    let town = Town::new();
    let (one, two) = (town.process().await, town.process().await);
    let state = town.begun(&one, 600).await;
    town.will([pending(), pending(), pending(), granted()]);
    town.is_ada();

    let (first, second, other) =
        tokio::join!(town.complete(&one, &state), town.complete(&one, &state), async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            town.complete(&two, &state).await
        },);

    let id = first.unwrap().connection.id();
    assert_eq!((second.unwrap().connection.id(), other.unwrap().connection.id()), (id, id));
    assert_eq!(town.polls(), [5, 10, 15, 20]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_is_followed_by_another_that_keeps_its_pauses() {
    let town = Town::new();
    let faults = Faults::new();
    let (dies, follows) = (town.faulty(&faults).await, town.process().await);
    let state = town.begun(&dies, 600).await;
    town.will([says("slow_down"), pending(), granted()]);
    town.is_ada();
    let dead = tokio::time::timeout(Duration::from_secs(8), town.complete(&dies, &state));
    assert!(dead.await.is_err());
    assert_eq!(town.polls(), [5]);
    faults.kill();

    let connection = town.complete(&follows, &state).await.unwrap().connection;

    // 10 s of the pause that was shown last, 47 s for one request and its end, all seen from 8 s on.
    assert_eq!(town.polls(), [5, 75, 85]);
    assert_eq!(connection.account().await.unwrap().unwrap().user, "ada");
}

#[tokio::test(start_paused = true)]
async fn who_follows_does_not_know_what_the_last_poll_before_came_to() {
    let town = Town::new();
    let faults = Faults::new();
    let (dies, follows) = (town.faulty(&faults).await, town.process().await);
    let state = town.begun(&dies, 600).await;
    // The grant arrives and cannot be stored any more.
    let gate = faults.hold(Call::Commit);
    town.will([granted(), says("invalid_grant")]);
    let dead = tokio::time::timeout(Duration::from_secs(8), town.complete(&dies, &state));
    assert!(dead.await.is_err());
    faults.kill();
    drop(gate);

    let unknown = town.complete(&follows, &state).await.unwrap_err();

    assert_eq!(unknown.cause(), Some(Cause::ConsentOutcomeUnknown));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_polls_and_another_process_goes_on_at_once() {
    let town = Town::new();
    let (ends, follows) = (town.process().await, town.process().await);
    let state = town.begun(&ends, 600).await;
    town.will([pending(), granted()]);
    town.is_ada();

    let (stopped, ()) = tokio::join!(town.complete(&ends, &state), async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        ends.trunkline.shutdown(Duration::from_secs(1)).await.unwrap();
    });
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Unavailable);
    town.complete(&follows, &state).await.unwrap();

    assert_eq!(town.polls(), [5, 12], "not sooner than an interval after it took over");
}

#[tokio::test(start_paused = true)]
async fn a_poll_under_way_at_a_shutdown_is_stored() {
    let town = Town::new();
    let process = town.process().await;
    let state = town.begun(&process, 600).await;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    town.will([Answer::Hold(gate.clone(), Box::new(granted()))]);
    town.is_ada();

    let (done, drained, ()) = tokio::join!(
        town.complete(&process, &state),
        async {
            tokio::time::sleep(Duration::from_secs(6)).await;
            process.trunkline.shutdown(Duration::from_secs(20)).await
        },
        async {
            tokio::time::sleep(Duration::from_secs(8)).await;
            gate.add_permits(1);
        },
    );

    assert!(done.is_ok() && drained.is_ok(), "{done:?} {drained:?}");
    assert_eq!(town.world.store.count_tenants("played", 9).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_polled_for_a_state_that_is_forged_or_of_another_browser_or_tenant() {
    let town = Town::new();
    let process = town.process().await;
    let state = town.begun(&process, 600).await;
    let callback = |state: &Secret| Callback::from_form(state, &Inputs::default());

    let forged = town.complete(&process, &Secret::new("device.made-up")).await.unwrap_err();
    let other = BrowserSession::random().unwrap();
    let foreign = process.trunkline.complete(callback(&state), &other).await.unwrap_err();
    let tenant = process.trunkline.tenant("globex");
    let elsewhere = tenant.complete(callback(&state), &town.browser).await.unwrap_err();

    for refused in [forged, foreign, elsewhere] {
        assert_eq!(refused.cause(), Some(Cause::ConsentInvalid));
    }
    assert!(town.polls().is_empty());
    town.will([granted()]);
    town.is_ada();
    town.complete(&process, &state).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_could_not_be_kept_is_not_fetched() {
    for call in [Call::Mark, Call::Read] {
        let town = Town::new();
        let faults = Faults::new();
        let process = town.faulty(&faults).await;
        let state = town.begun(&process, 600).await;
        town.will([pending(), granted()]);
        town.is_ada();

        let (done, ()) = tokio::join!(town.complete(&process, &state), async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            faults.fail(call, When::Before, 1000);
            tokio::time::sleep(Duration::from_secs(40)).await;
            assert_eq!(town.polls(), [5], "{call:?}");
            faults.recover();
        });

        done.unwrap();
        assert_eq!(town.polls().len(), 2, "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_grant_is_repaired_in_place_and_the_account_stays_pinned() {
    let town = Town::new();
    town.is_ada();
    let first = town.plays(600, [granted()]).await.unwrap().connection;
    let process = town.process().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    town.will([says("invalid_grant")]);
    let request = town.request(&process).await;
    assert_eq!(request.diagnosis().unwrap().cause(), Cause::GrantRevoked);
    drop(request);

    let state = town.begun(&process, 600).await;
    town.will([token("canary-b1", "canary-s1", 3600)]);
    town.api.will(Answer::Http(200, vec![], "bob".to_owned()));
    let other = town.complete(&process, &state).await.unwrap_err();
    assert_eq!(other.cause(), Some(Cause::AccountMismatch));

    let state = town.begun(&process, 600).await;
    town.will([token("canary-a2", "canary-r2", 3600)]);
    town.is_ada();
    let again = town.complete(&process, &state).await.unwrap().connection;
    assert_eq!(again.id(), first.id());
    settled().await;
    assert_eq!(again.token_now().unwrap().expose(), Some("canary-a2"));
}

#[tokio::test(start_paused = true)]
async fn a_grant_whose_account_could_not_be_asked_for_is_completed_by_the_same_state() {
    let town = Town::new();
    town.is_ada();
    town.plays(600, [granted()]).await.unwrap();
    let process = town.process().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    town.will([says("invalid_grant")]);
    drop(town.request(&process).await);

    let state = town.begun(&process, 600).await;
    town.will([token("canary-b1", "canary-s1", 3600)]);
    town.api.will(Answer::Fail(TransportError::NotSent("down".to_owned())));
    town.complete(&process, &state).await.unwrap_err();
    let polls = town.polls().len();
    town.is_ada();
    let repaired = town.complete(&process, &state).await.unwrap().connection;
    assert_eq!(repaired.token_now().unwrap().expose(), Some("canary-b1"));
    assert_eq!(town.polls().len(), polls, "a code is spent once");
}
