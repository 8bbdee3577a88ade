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

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use tokio::sync::oneshot;

use super::job::Job;
use super::turn::Turn;
use crate::StoreError;

pub(super) type Answer = Result<Vec<SqliteRow>, StoreError>;

/// The queue of a file's writers in this process. In SQLite's own queue they would poll.
pub(super) struct Turns {
    pub(super) options: SqliteConnectOptions,
    queue: Mutex<Queue>,
}

#[derive(Default)]
pub(super) struct Queue {
    taken: bool,
    pub(super) waiting: VecDeque<Waiting>,
    /// All writes go over one connection: what it has in memory stays true until another process writes.
    pub(super) connection: Option<SqliteConnection>,
    pub(super) closed: bool,
}

pub(super) struct Waiting {
    pub(super) job: Job,
    pub(super) tell: oneshot::Sender<Told>,
}

pub(super) enum Told {
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
            let ours = match self.join(Job::Either(Vec::new())) {
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

    pub(super) fn hand_on(&self) {
        let mut queue = self.queue();
        while let Some(Waiting { job, tell }) = queue.waiting.pop_front() {
            if tell.send(Told::Lead(job)).is_ok() {
                return;
            }
        }
        queue.taken = false;
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
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

fn given_up() -> StoreError {
    StoreError::Unavailable { reason: "the write that it was part of was given up".to_owned() }
}
