//! [`Batch`]: `GET`s that are asked for at about the same time, in one write.
//!
//! A write to a socket costs more than what is written: under load this saves a
//! sixth of what a lookup costs. The driver would write each command by itself,
//! since tokio runs the driver's task right after the one that has given it a
//! command.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::connection::RedisConnection;

/// The `GET`s that wait to be sent over one connection.
///
/// Whoever comes first sends for all who come before its next turn, which is
/// when nothing else is ready to run. Nobody waits for a clock.
#[derive(Debug, Default)]
pub(crate) struct Batch(Mutex<Vec<Waiting>>);

#[derive(Debug)]
struct Waiting {
    command: Cmd,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Batch {
    /// What `connection` answers to a `GET` of `key`.
    pub(crate) async fn get(&self, connection: &RedisConnection, key: &str) -> RedisResult<Value> {
        loop {
            let (answer, told) = oneshot::channel();
            let command = get(key);
            let is_first = {
                let mut waiting = self.waiting();
                waiting.push(Waiting { command, answer });
                waiting.len() == 1
            };
            if is_first {
                let turn = Turn(Some(self));
                yield_now().await;
                send(connection, turn.take()).await;
            }
            // An error means that the one who was to send for all was not
            // waited for any longer. It takes nothing from the others.
            if let Ok(answer) = told.await {
                return answer;
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        // Every change is one call, so what a panic leaves is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn that the first one waits for. Where it is given up, the others are
/// told.
struct Turn<'a>(Option<&'a Batch>);

impl Turn<'_> {
    fn take(mut self) -> Vec<Waiting> {
        self.end()
    }

    fn end(&mut self) -> Vec<Waiting> {
        (self.0.take()).map_or_else(Vec::new, |batch| std::mem::take(&mut *batch.waiting()))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

async fn send(connection: &RedisConnection, waiting: Vec<Waiting>) {
    // Not one `MGET`: it answers `nil` for a key of another type, too.
    let mut commands = Pipeline::with_capacity(waiting.len());
    let mut askers = Vec::with_capacity(waiting.len());
    for Waiting { command, answer } in waiting {
        // Those who are gone need no answer.
        if !answer.is_closed() {
            commands.add_command(command);
            askers.push(answer);
        }
    }
    let mut answers = connection.send_all(&mut commands).await.map(Vec::into_iter);
    for asker in askers {
        let answer = match &mut answers {
            Ok(answers) => answers.next(),
            Err(error) => Some(Err(error.clone())),
        };
        if let Some(answer) = answer {
            let _gone = asker.send(answer);
        }
    }
}

fn get(key: &str) -> Cmd {
    const GET: &str = "GET";
    let mut command = Cmd::with_capacity(2, GET.len() + key.len());
    command.arg(GET).arg(key);
    command
}
