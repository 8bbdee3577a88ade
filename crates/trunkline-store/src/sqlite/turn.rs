//! Whoever has the turn writes for all who wait.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _};

use super::failure::failed;
use super::job::Job;
use super::queue::{Answer, Told, Turns, Waiting};
use crate::StoreError;

const LOCKED: &str = "BEGIN IMMEDIATE";

/// Bounds how long the first of a batch waits for the last, and other processes for the file.
const MOST: usize = 256;

/// The right to write, and whom it is used for.
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    /// Gone once it has failed on its own account.
    own: Option<Job>,
    others: Vec<Waiting>,
    committing: bool,
}

impl<'t> Turn<'t> {
    pub(super) const fn new(turns: &'t Turns, own: Option<Job>) -> Self {
        Self { turns, own, others: Vec::new(), committing: false }
    }

    pub(super) async fn run(mut self) -> Answer {
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
