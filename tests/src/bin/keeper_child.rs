//! One process of several that share a store: see `trunkline_tests::processes`.

use std::time::Duration;

use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;
use trunkline::{Connect, Connection, Error, Trunkline};
use trunkline_tests::processes::{
    Answer, CONNECTOR, Command, Failure, Points, Report, Served, Setup, TENANT, report,
};

/// The pause of a caller between two looks at the token.
const PAUSE: Duration = Duration::from_millis(200);

fn main() {
    let setup = std::env::args().nth(1).expect("the first argument says what to open");
    let setup: Setup = serde_json::from_str(&setup).expect("the first argument is a setup");
    if let Some(filter) = &setup.log {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(run(&setup));
}

async fn run(setup: &Setup) {
    let points = Points::default();
    let mut commands = commands(points.clone());
    let trunkline = match setup.open(&points).await {
        Ok(trunkline) => trunkline,
        Err(error) => return report(&Report::NotOpened(Failure::from(&error))),
    };
    report(&Report::Open);
    let mut asking = JoinSet::new();
    while let Some(command) = commands.recv().await {
        match command {
            // They act at once.
            Command::Arm(..) | Command::Go => {}
            Command::Ask => {
                // The next command may come while this one waits.
                let trunkline = trunkline.clone();
                asking.spawn(async move { report(&Report::Asked(ask(&trunkline).await)) });
            }
            Command::Call => report(&Report::Called(call(&trunkline).await)),
            Command::Serve { callers, until } => {
                report(&Report::Served(serve(&trunkline, callers, until).await))
            }
            Command::Herd { callers } => report(&Report::Served(serve(&trunkline, callers, 0).await)),
            Command::Shutdown(within_ms) => {
                let done = trunkline.shutdown(Duration::from_millis(within_ms)).await;
                report(&Report::ShutDown(done.err().map(|left| (left.credentials(), left.is_in_journal()))));
            }
        }
    }
}

/// Reads commands on a thread of its own, so that some act whatever the others wait for.
fn commands(points: Points) -> mpsc::UnboundedReceiver<Command> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let command = serde_json::from_str(&line).expect("a command");
            match command {
                Command::Arm(point, signal) => points.arm(point, signal),
                Command::Go => points.go(),
                other => drop(sender.send(other)),
            }
        }
        end();
    });
    receiver
}

/// The test is over, or has no more use for this process: what is under way does not keep it alive.
#[expect(clippy::exit, reason = "a process that shuts down in order was told so before")]
fn end() -> ! {
    std::process::exit(0)
}

async fn connect(trunkline: &Trunkline) -> Result<Connection, Answer> {
    match trunkline.tenant(TENANT).connect(CONNECTOR).await {
        Ok(Connect::Ready(connection)) => Ok(connection),
        Ok(Connect::NeedsConsent(request)) => {
            let why = request.diagnosis().map_or("", |diagnosis| diagnosis.cause().code());
            Err(Answer::NeedsConsent(why.to_owned()))
        }
        Ok(other) => Err(Answer::NeedsConsent(format!("{other:?}"))),
        Err(error) => Err(Answer::Failed(Failure::from(&error))),
    }
}

async fn ask(trunkline: &Trunkline) -> Answer {
    let connection = match connect(trunkline).await {
        Ok(connection) => connection,
        Err(answer) => return answer,
    };
    match connection.access_token().await {
        Ok(token) => Answer::Token(token.generation(), token.expose().unwrap_or_default().to_owned()),
        Err(error) => Answer::Failed(Failure::from(&error)),
    }
}

async fn call(trunkline: &Trunkline) -> Result<u16, Failure> {
    let connection = connect(trunkline).await.map_err(|answer| Failure {
        kind: "NotConnected".to_owned(),
        cause: None,
        retryable: false,
        text: format!("{answer:?}"),
    })?;
    let response = connection.get("/services/core/session/id").send().await;
    response.map(|response| response.status().as_u16()).map_err(|error| Failure::from(&error))
}

/// Lets callers ask until each has a token of this generation. All begin at the same time.
async fn serve(trunkline: &Trunkline, callers: usize, until: u64) -> Served {
    let connection = loop {
        match connect(trunkline).await {
            Ok(connection) => break connection,
            // Whoever serves many asks again; the test bounds the time.
            Err(Answer::Failed(failure)) if failure.retryable => tokio::time::sleep(PAUSE).await,
            Err(answer) => {
                let errors = [(format!("{answer:?}"), 1)].into();
                return Served { errors, ..Served::default() };
            }
        }
    };
    let start = std::sync::Arc::new(Barrier::new(callers));
    let mut running = JoinSet::new();
    for number in 0..callers {
        let (connection, start) = (connection.clone(), start.clone());
        running.spawn(async move {
            start.wait().await;
            caller(&connection, number, until).await
        });
    }
    let mut all = Served::default();
    while let Some(one) = running.join_next().await {
        let one = one.expect("a caller does not panic");
        all.callers += one.callers;
        all.tokens += one.tokens;
        all.backwards += one.backwards;
        for (error, times) in one.errors {
            *all.errors.entry(error).or_default() += times;
        }
    }
    all
}

async fn caller(connection: &Connection, number: usize, until: u64) -> Served {
    let mut seen = Served::default();
    let mut newest = 0;
    loop {
        let token = connection.access_token().await.map(|token| token.generation());
        match token {
            Ok(generation) => {
                seen.tokens += 1;
                seen.backwards += u64::from(generation < newest);
                newest = newest.max(generation);
            }
            Err(error) => *seen.errors.entry(name(&error)).or_default() += 1,
        }
        if newest >= until.max(1) {
            seen.callers = 1;
            return seen;
        }
        // Spread, so that somebody asks at any time.
        let part = u32::try_from(number % 16).unwrap_or(0);
        tokio::time::sleep(PAUSE * (24 + part) / 32).await;
    }
}

fn name(error: &Error) -> String {
    format!("{:?} {}", error.kind(), error.cause().map_or("-", |cause| cause.code()))
}
