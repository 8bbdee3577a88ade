//! The service of a schedule, the network on the way there, and the books about what became of each token.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::bytes::Bytes;
use trunkline_core::http::Response;
use trunkline_core::{Body, Request, RequestBody, Reuse, Transport, TransportError, async_trait};
use trunkline_tests::Family;

use super::process::Process;
use super::world::{World, takeover, timings};

/// How long a spent token may be spent again where the policy is one of grace.
pub(crate) const GRACE: Duration = Duration::from_secs(8);
/// How long an access token serves; for its last tenth it is renewed behind its readers.
pub(crate) const LIFE: Duration = Duration::from_secs(100);

/// What became of the answer to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It is on its way to the process, or came there.
    Given,
    /// It was lost, broken off, or came after the process's deadline.
    Lost,
}

/// One spent token.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    pub(crate) spent: u64,
    pub(crate) brought: u64,
    pub(crate) by: Arc<Process>,
    pub(crate) epoch: u64,
    pub(crate) answered: Answered,
}

/// What the service knows, and what it may be blamed for.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) family: Family,
    pub(crate) rotations: Vec<Rotation>,
    reuse: Reuse,
    rejected: Vec<u64>,
}

impl Service {
    pub(crate) fn new(reuse: Reuse) -> Self {
        Self { family: Family::new(reuse), rotations: Vec::new(), reuse, rejected: Vec::new() }
    }

    /// Ends the access token of this number before its time.
    pub(crate) fn reject(&mut self, number: u64) {
        self.rejected.push(number);
    }
}

/// Sends on behalf of one process.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Good,
    NotSent,
    LostRequest,
    Unheard,
    Stray,
    LostAnswer,
    Truncated,
    Silence,
    Late,
    Unavailable,
    /// A grant that lives is refused.
    Refused,
}

impl Line {
    fn way(&self) -> Way {
        if self.world.is_calm() {
            return Way::Good;
        }
        match self.world.random(100) {
            0..52 => Way::Good,
            52..60 => Way::NotSent,
            60..66 => Way::LostRequest,
            66..69 => Way::Unheard,
            69..72 => Way::Stray,
            72..80 => Way::LostAnswer,
            80..85 => Way::Truncated,
            85..90 => Way::Silence,
            90..95 => Way::Late,
            95..98 if self.world.doubts => Way::Refused,
            _ => Way::Unavailable,
        }
    }

    /// The service spends the token. Whoever spends one twice must be in the right.
    fn spend(&self, number: u64, way: Way) -> Option<u64> {
        let now = self.world.now();
        let mut service = self.world.service();
        let epoch = self.process.epoch();
        if number < service.family.live() && service.family.is_alive() {
            self.check_reuse(&service, number, now, way);
        }
        let brought = service.family.spend(number, now)?;
        let answered = match way {
            Way::Good => Answered::Given,
            _ => Answered::Lost,
        };
        self.world.note(|| format!("{:?} spends {number} under {epoch}: {brought} ({way:?})", self.process));
        let by = self.process.clone();
        service.rotations.push(Rotation { spent: number, brought, by, epoch, answered });
        Some(brought)
    }

    fn check_reuse(&self, service: &Service, number: u64, now: u64, way: Way) {
        let world = &self.world;
        world.note(|| format!("{:?} spends {number} again ({way:?})", self.process));
        // Where a replay comes at once, the request before it may come after it, and is refused.
        if service.reuse == Reuse::RejectSoft && way == Way::Stray {
            return;
        }
        if world.was_stored(number + 1) {
            world.blame(format!("{number} was spent again although a newer one was stored"));
        }
        if service.reuse == Reuse::RejectSoft {
            return;
        }
        let serves = world.stored_serves() && !service.rejected.contains(&number);
        if service.reuse == Reuse::KillsFamily && serves {
            world.blame(format!("{number} was spent again while its access token serves"));
        }
        // Within its window a replay costs nothing.
        let mut clone = service.family.clone();
        if clone.spend(number, now).is_some() {
            return;
        }
        for rotation in service.rotations.iter().filter(|rotation| rotation.brought > number) {
            let silent = now.saturating_sub(world.last_sign(rotation.epoch)) >= takeover();
            if rotation.answered == Answered::Given && !rotation.by.is_dead() && !silent {
                world.blame(format!(
                    "{number} was spent again while {:?} holds its answer and shows that it lives",
                    rotation.by
                ));
            }
        }
        world.count_loss();
    }

    /// The request reaches the service after its sender gave it up, within the time that the protocol states.
    fn strays(&self, number: u64) {
        let line = Self { world: self.world.clone(), process: self.process.clone() };
        let grace = u64::try_from(timings().commit_grace.as_millis()).unwrap();
        let late = Duration::from_millis(self.world.random(grace - 10));
        self.world.lets_run(async move {
            tokio::time::sleep(timings().request_deadline + late).await;
            line.spend(number, Way::Stray);
        });
    }

    async fn token(&self, body: &str) -> Result<Response<Body>, TransportError> {
        let number = body.strip_prefix("r-").unwrap().parse().unwrap();
        let way = self.way();
        let unknown = || Err(TransportError::Unknown("lost".to_owned()));
        match way {
            Way::NotSent => return Err(TransportError::NotSent("no route".to_owned())),
            Way::LostRequest => return unknown(),
            Way::Unheard => return std::future::pending().await,
            Way::Stray => {
                self.strays(number);
                return std::future::pending().await;
            }
            Way::Unavailable => return respond(503, String::new()),
            Way::Refused => {
                self.world.note(|| format!("{:?} is refused with {number}", self.process));
                return respond(400, String::new());
            }
            _ => {}
        }
        // A request arrives well within the deadline of whoever sent it.
        let deadline = timings().request_deadline;
        self.world.passes(deadline / 3).await;
        let answer = self.spend(number, way);
        match way {
            Way::LostAnswer => return unknown(),
            Way::Truncated => return respond(200, String::new()),
            Way::Silence => return std::future::pending().await,
            Way::Late => tokio::time::sleep(deadline * 2).await,
            _ => self.world.passes(deadline / 3).await,
        }
        self.process.lives().await;
        match answer {
            Some(next) => respond(200, next.to_string()),
            None => respond(400, String::new()),
        }
    }

    /// A call with an access token: it must have been stored before anyone was given it.
    fn call(&self, authorization: &str) -> u16 {
        let number = authorization.strip_prefix("Bearer a-").unwrap().parse().unwrap();
        if !self.world.was_stored(number) {
            self.world.blame(format!("the token {number} was served and is not stored"));
        }
        let service = self.world.service();
        let is_valid = service.family.is_alive() && !service.rejected.contains(&number);
        if is_valid { 200 } else { 401 }
    }
}

fn respond(status: u16, body: String) -> Result<Response<Body>, TransportError> {
    Ok(Response::builder().status(status).body(Body::from(Bytes::from(body))).unwrap())
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        match &request.body {
            RequestBody::Bytes(body) => self.token(std::str::from_utf8(body).unwrap()).await,
            _ => respond(self.call(request.headers["authorization"].to_str().unwrap()), String::new()),
        }
    }
}
