//! Clients that ask at set times, whether or not earlier answers have come: the
//! time of an answer counts from when it was due to be asked for, so that a
//! server that stands still is not asked less for it.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result, While};
use crate::process;

/// One that asks.
pub(crate) trait Client: Send {
    /// Asks once. Returns whether the answer is right.
    fn ask(&mut self) -> Result<bool>;
}

/// What a server has answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) right: u64,
    pub(crate) failed: u64,
    pub(crate) p99_ms: f64,
    /// By how much the clients themselves were late, which counts as well.
    pub(crate) late_p99_ms: f64,
}

/// Lets `clients` ask in turn, `per_s` times a second, until standard input is
/// closed. A client whose answer has not come by its next turn asks late.
pub(crate) fn ask_in_turn<C: Client>(clients: &mut [C], per_s: u32) -> Result<Answered> {
    // Those of the first turn are connected by then.
    let start = Instant::now() + Duration::from_millis(100);
    let done = &AtomicBool::new(false);
    let of = u32::try_from(clients.len()).while_doing("too many clients")?;
    let seen: Vec<Seen> = thread::scope(|scope| {
        let running: Vec<_> = (0..of)
            .zip(clients)
            .map(|(number, client)| {
                let due = move |turn| start + Duration::from_secs(1) * (turn * of + number) / per_s;
                scope.spawn(move || ask(client, due, done))
            })
            .collect();
        let closed = io::stdin().read_to_end(&mut Vec::new());
        done.store(true, Ordering::Relaxed);
        closed.while_doing("cannot wait for the end")?;
        let seen = running.into_iter().map(|client| match client.join() {
            Ok(seen) => seen,
            Err(_) => Err(Failure::new("a client has panicked")),
        });
        seen.collect::<Result<_>>()
    })?;
    let p99_ms = |times: fn(&Seen) -> &[Duration]| {
        let mut all: Vec<_> = seen.iter().flat_map(times).copied().collect();
        all.sort_unstable();
        let p99 = all.get(all.len() * 99 / 100).copied().unwrap_or_default();
        p99.as_secs_f64() * 1_000.0
    };
    Ok(Answered {
        right: seen.iter().map(|seen| seen.times.len() as u64).sum(),
        failed: seen.iter().map(|seen| seen.failed).sum(),
        p99_ms: p99_ms(|seen| &seen.times),
        late_p99_ms: p99_ms(|seen| &seen.late),
    })
}

/// What one client has seen.
#[derive(Debug, Default)]
struct Seen {
    times: Vec<Duration>,
    late: Vec<Duration>,
    failed: u64,
}

/// A thread each: a runtime's timer counts in milliseconds.
fn ask(client: &mut impl Client, due: impl Fn(u32) -> Instant, done: &AtomicBool) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut free = due(0);
    for due in (0..).map(due) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if done.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        let is_right = client.ask()?;
        let answered = Instant::now();
        if is_right {
            seen.times.push(answered - due);
        } else {
            seen.failed += 1;
        }
        // Not by what the answer before was late.
        seen.late
            .push(asked.saturating_duration_since(due.max(free)));
        free = answered;
    }
    Ok(seen)
}

/// As one process prints it for another.
impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            right,
            failed,
            p99_ms,
            late_p99_ms,
        } = self;
        write!(f, "{right} {failed} {p99_ms} {late_p99_ms}")
    }
}

impl FromStr for Answered {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<_> = text.split_whitespace().collect();
        let &[right, failed, p99_ms, late_p99_ms] = words.as_slice() else {
            return Err(Failure::new(format!("the clients said {text:?}")));
        };
        Ok(Self {
            right: process::number(right)?,
            failed: process::number(failed)?,
            p99_ms: process::number(p99_ms)?,
            late_p99_ms: process::number(late_p99_ms)?,
        })
    }
}
