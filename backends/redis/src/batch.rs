//! [`Batch`]: `GET`s that are asked for at about the same time, in one write.
//!
//! A write to a socket costs more than what is written: under load this saves a
//! sixth of what a lookup costs. The driver would write each command by itself,
//! since tokio runs the driver's task right after the one that has given it a
//! command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{Cmd, RedisResult, Value};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::connection::{OneServer, RedisConnection};
use crate::error::{aborted, timed_out};

/// The `GET`s that wait to be sent over one connection.
///
/// One that is alone is sent at once. While there are others, the first to wait
/// starts a task that sends all who come until its thread has nothing else to
/// run: they do not wait for a clock, but for the tasks that are ready there. It
/// is a task, and not the first asker, so that whoever gives up, or is not polled
/// for a while, does so for himself alone.
#[derive(Debug)]
pub(crate) struct Batch {
    server: OneServer,
    /// How many ask, and have no answer yet.
    asking: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    command: Cmd,
    deadline: Instant,
    answer: oneshot::Sender<RedisResult<Value>>,
}

/// In one write: with more, the first would wait long for the answer of the last.
const MAX_COMMANDS: usize = 64;

impl Batch {
    /// None for a cluster: its driver would split them up again, and a node that
    /// is silent would hold up the answers of the others.
    pub(crate) fn over(connection: &RedisConnection) -> Option<Arc<Self>> {
        let server = connection.one_server()?.clone();
        Some(Arc::new(Self {
            server,
            asking: AtomicUsize::new(0),
            waiting: Mutex::default(),
        }))
    }

    /// What is answered to a `GET` of `key`. After `deadline` nobody waits for
    /// it.
    pub(crate) async fn get(self: &Arc<Self>, key: &str, deadline: Instant) -> RedisResult<Value> {
        let asking = Asking::begin(&self.asking);
        if asking.alone {
            return self.server.send(&get(key)).await;
        }
        // Once more where a runtime that is shutting down has dropped the task:
        // the connection need not be that runtime's.
        for _ in 0..2 {
            let (answer, told) = oneshot::channel();
            self.add(Waiting {
                command: get(key),
                deadline,
                answer,
            });
            if let Ok(answer) = told.await {
                return answer;
            }
        }
        Err(aborted())
    }

    /// Adds one, and sees to it that somebody sends it.
    fn add(self: &Arc<Self>, new: Waiting) {
        let (is_first, full) = {
            let mut all = self.waiting();
            // Where the first has given up, its task may stand still with it.
            let is_first = (all.first()).is_none_or(|first| first.answer.is_closed());
            all.push(new);
            let full = (all.len() == MAX_COMMANDS).then(|| std::mem::take(&mut *all));
            (is_first, full)
        };
        if let Some(full) = full {
            tokio::spawn(send(self.server.clone(), full));
        } else if is_first {
            let turn = Turn(Some(Arc::clone(self)));
            tokio::spawn(turn.send_all(self.server.clone()));
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        // Every change is one call, so what a panic leaves is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who asks, until this is dropped.
struct Asking<'a> {
    all: &'a AtomicUsize,
    /// Whether nobody else did when he began.
    alone: bool,
}

impl<'a> Asking<'a> {
    fn begin(all: &'a AtomicUsize) -> Self {
        let alone = all.fetch_add(1, Ordering::Relaxed) == 0;
        Self { all, alone }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The turn of the task that sends all who wait. It ends with the task, also
/// where a runtime that is shutting down drops that before it has begun:
/// whoever comes next is the first again.
struct Turn(Option<Arc<Batch>>);

impl Turn {
    async fn send_all(mut self, server: OneServer) {
        yield_now().await;
        let all = self.end();
        send(server, all).await;
    }

    fn end(&mut self) -> Vec<Waiting> {
        let batch = self.0.take();
        batch.map_or_else(Vec::new, |batch| std::mem::take(&mut *batch.waiting()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends the commands of those who wait, and tells each his answer.
async fn send(server: OneServer, mut waiting: Vec<Waiting>) {
    // Those who are gone need no answer.
    waiting.retain(|waiting| !waiting.answer.is_closed());
    let Some(deadline) = waiting.iter().map(|waiting| waiting.deadline).max() else {
        return;
    };
    let (commands, askers): (Vec<_>, Vec<_>) = waiting
        .into_iter()
        .map(|waiting| (waiting.command, waiting.answer))
        .unzip();
    let mut answers = timeout_at(deadline, answers(&server, commands))
        .await
        .unwrap_or_else(|_| Err(timed_out()))
        .map(Vec::into_iter);
    for asker in askers {
        let answer = match &mut answers {
            Ok(answers) => answers.next(),
            Err(error) => Some(Err(error.clone())),
        };
        let _gone = asker.send(answer.unwrap_or_else(|| Err(aborted())));
    }
}

async fn answers(server: &OneServer, commands: Vec<Cmd>) -> RedisResult<Vec<RedisResult<Value>>> {
    match &*commands {
        // By itself, an error that ends the connection comes as it is.
        [command] => Ok(vec![Ok(server.send(command).await?)]),
        // Not one `MGET`, which answers `nil` for a key of another type, too.
        _ => server.send_all(commands).await,
    }
}

/// Asks for the value of `key`.
pub(crate) fn get(key: &str) -> Cmd {
    const GET: &str = "GET";
    let mut command = Cmd::with_capacity(2, GET.len() + key.len());
    command.arg(GET).arg(key);
    command
}
