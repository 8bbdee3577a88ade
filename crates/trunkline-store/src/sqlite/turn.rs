//! Writers take turns, and those that wait share a commit.
//!
//! A commit costs a write that the disk has confirmed, whatever is in it. So whoever has the turn takes
//! along everyone who came while the one before it wrote: all of it in one transaction, and everybody is
//! told only after its COMMIT. Whoever is alone pays for nothing but itself.
//!
//! The turn belongs to a future, not to a task, and is handed on when that future is dropped. What it had
//! taken along goes back to the queue, unless the COMMIT is under way: then nobody can know.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::oneshot;

use super::failure::failed;
use super::job::Job;
use crate::StoreError;

const LOCKED: &str = "BEGIN IMMEDIATE";

/// Bounds how long the first of a batch waits for the last, and other processes for the file.
const MOST: usize = 256;

pub(super) type Answer = Result<Vec<SqliteRow>, StoreError>;

/// The queue of a file's writers in this process. In SQLite's own queue they would poll.
pub(super) struct Turns {
    options: SqliteConnectOptions,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    taken: bool,
    waiting: VecDeque<Waiting>,
    /// All writes go over one connection: what it has in memory stays true until another process writes.
    connection: Option<SqliteConnection>,
    closed: bool,
}

struct Waiting {
    job: Job,
    tell: oneshot::Sender<Told>,
}

enum Told {
    /// Somebody else has done it.
    Done(Answer),
    /// It is this one's turn.
    Lead(Job),
}

impl Turns {
    /// For a file that is opened with these options.
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, queue: Mutex::default() }
    }

    /// Waits for what is under way. Whoever comes later is refused.
    pub(super) async fn close(&self) {
        self.queue().closed = true;
        loop {
            let ours = match self.join(Job::All(Vec::new())) {
                Joined::First(_) => true,
                Joined::Behind(mut ticket) => matches!((&mut ticket.told).await, Ok(Told::Lead(_))),
            };
            if ours {
                let turn = Turn::new(self, None);
                let connection = self.queue().connection.take();
                if let Some(connection) = connection {
                    drop(connection.close().await);
                }
                drop(turn);
                return;
            }
        }
    }

    /// Runs a job, alone or with others, and answers when it is durable.
    pub(super) async fn write(&self, job: Job) -> Answer {
        let own = match self.join(job) {
            Joined::First(own) => own,
            Joined::Behind(mut ticket) => match (&mut ticket.told).await {
                Ok(Told::Done(answer)) => return answer,
                Ok(Told::Lead(own)) => own,
                Err(_) => return Err(given_up()),
            },
        };
        Turn::new(self, Some(own)).run().await
    }

    fn join(&self, job: Job) -> Joined<'_> {
        let mut queue = self.queue();
        if !queue.taken {
            queue.taken = true;
            return Joined::First(job);
        }
        let (tell, told) = oneshot::channel();
        queue.waiting.push_back(Waiting { job, tell });
        Joined::Behind(Ticket { turns: self, told })
    }

    fn hand_on(&self) {
        let mut queue = self.queue();
        while let Some(Waiting { job, tell }) = queue.waiting.pop_front() {
            if tell.send(Told::Lead(job)).is_ok() {
                return;
            }
        }
        queue.taken = false;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Joined<'t> {
    First(Job),
    Behind(Ticket<'t>),
}

struct Ticket<'t> {
    turns: &'t Turns,
    told: oneshot::Receiver<Told>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.told.close();
        // The turn came in the moment in which its taker went away.
        if let Ok(Told::Lead(_)) = self.told.try_recv() {
            self.turns.hand_on();
        }
    }
}

/// The right to write, and whom it is used for.
struct Turn<'t> {
    turns: &'t Turns,
    /// Gone once it has failed on its own account.
    own: Option<Job>,
    others: Vec<Waiting>,
    committing: bool,
}

impl<'t> Turn<'t> {
    const fn new(turns: &'t Turns, own: Option<Job>) -> Self {
        Self { turns, own, others: Vec::new(), committing: false }
    }

    async fn run(mut self) -> Answer {
        self.take_along();
        if self.others.is_empty()
            && let Some(job) = self.own.as_ref().filter(|job| job.is_single())
        {
            let mut connection = self.connection().await?;
            let answer = job.run(&mut connection).await;
            self.keep(connection);
            return answer;
        }
        let mut own = Ok(Vec::new());
        let mut answers = Vec::new();
        let done = self.share(&mut own, &mut answers).await;
        let mut answers = answers.into_iter();
        for waiting in self.others.drain(..) {
            let rows = answers.next().unwrap_or_default();
            // Whoever does not listen any more was told in its contract that it may have happened.
            drop(waiting.tell.send(Told::Done(done.clone().map(|()| rows))));
        }
        // One that failed on its own account keeps its own error.
        if self.own.is_some() { done.and(own) } else { own }
    }

    /// Runs all jobs in one transaction, and commits it. One that fails is told so, and the rest starts
    /// again without it: some failures end the whole transaction, and none of its statements may then
    /// run outside of it.
    async fn share(&mut self, own: &mut Answer, answers: &mut Vec<Vec<SqliteRow>>) -> Result<(), StoreError> {
        loop {
            let mut connection = self.connection().await?;
            let mut writing = connection.begin_with(LOCKED).await.map_err(failed)?;
            answers.clear();
            if let Some(job) = &self.own {
                *own = job.run(&mut writing).await;
            }
            let mut refused = own.is_err() && self.own.is_some();
            while !refused && (answers.len() < self.others.len() || self.take_along()) {
                let at = answers.len();
                match self.others[at].job.run(&mut writing).await {
                    Ok(rows) => answers.push(rows),
                    Err(error) => {
                        refused = true;
                        let waiting = self.others.remove(at);
                        drop(waiting.tell.send(Told::Done(Err(error))));
                    }
                }
            }
            if !refused {
                self.committing = true;
                // A connection on which it failed is not kept. SQLite may have ended the transaction by
                // itself, of which the driver knows nothing: it would take it for one that goes on.
                writing.commit().await.map_err(failed)?;
                self.keep(connection);
                return Ok(());
            }
            if writing.rollback().await.is_ok() {
                self.keep(connection);
            }
            if own.is_err() {
                self.own = None;
            }
            if self.own.is_none() && self.others.is_empty() {
                return Ok(());
            }
        }
    }

    /// The connection, which is opened anew if the last one was not kept.
    async fn connection(&self) -> Result<SqliteConnection, StoreError> {
        let kept = {
            let mut queue = self.turns.queue();
            if queue.closed {
                return Err(StoreError::Unavailable { reason: "the store was closed".to_owned() });
            }
            queue.connection.take()
        };
        match kept {
            Some(connection) => Ok(connection),
            None => self.turns.options.connect().await.map_err(failed),
        }
    }

    fn keep(&self, connection: SqliteConnection) {
        self.turns.queue().connection = Some(connection);
    }

    /// Takes along who waits; answers whether there was anyone.
    fn take_along(&mut self) -> bool {
        let before = self.others.len();
        let mut queue = self.turns.queue();
        while self.others.len() < MOST
            && let Some(waiting) = queue.waiting.pop_front()
        {
            // What nobody waits for any more is not begun.
            if !waiting.tell.is_closed() {
                self.others.push(waiting);
            }
        }
        self.others.len() > before
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.turns.queue();
        if self.committing {
            // Their senders are dropped, which tells them.
            self.others.clear();
        }
        for waiting in self.others.drain(..).rev() {
            queue.waiting.push_front(waiting);
        }
        drop(queue);
        self.turns.hand_on();
    }
}

fn given_up() -> StoreError {
    StoreError::Unavailable { reason: "the write that it was part of was given up".to_owned() }
}
