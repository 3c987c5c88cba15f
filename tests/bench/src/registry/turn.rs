//! [`Turn`]: every operation, called in one way.

use std::time::{Duration, Instant};

use dcv_resolver_bench::sessions;
use dcv_resolver_core::{Expiry, SessionId, SessionRecord, Timestamp};

use super::caller::{Caller, Operation, in_an_hour, now};
use crate::failure::{Failure, Result, While};

/// How many sessions are imported in one call, and removed by a sweep.
pub(crate) const EXPIRED: usize = 1_000;

/// How many calls a page is listed once for: it takes longer.
const CALLS_PER_PAGE: usize = 10;

/// What one way does before another has its turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// How often each operation on one session is called.
    pub(super) calls: usize,
    /// Whether it imports expired sessions and removes them.
    pub(super) sweeps: bool,
}

/// Takes a turn among so many sessions, and leaves them as they were. Returns
/// the microseconds of a call of each operation; of an import, for one session.
pub(super) async fn take(
    turn: Turn,
    caller: &mut dyn Caller,
    sessions: usize,
) -> Result<Vec<(Operation, f64)>> {
    // Those behind are not there yet.
    let new = records(sessions..sessions + turn.calls, in_an_hour())?;
    let ids = (0..turn.calls).map(|_| id(fastrand::usize(..sessions)));
    let ids: Vec<_> = ids.collect::<Result<_>>()?;

    caller.begin()?;
    let mut times = Vec::new();
    let started = Instant::now();
    for record in &new {
        caller.register(record).await?;
    }
    times.push((Operation::Register, us(started.elapsed(), turn.calls)));

    let started = Instant::now();
    for id in &ids {
        caller.renew(id).await?;
    }
    times.push((Operation::Renew, us(started.elapsed(), turn.calls)));

    let started = Instant::now();
    for record in &new {
        caller.deregister(record.id()).await?;
    }
    times.push((Operation::Deregister, us(started.elapsed(), turn.calls)));

    let pages = turn.calls.div_ceil(CALLS_PER_PAGE);
    let started = Instant::now();
    for _ in 0..pages {
        caller.list().await?;
    }
    times.push((Operation::List, us(started.elapsed(), pages)));

    if turn.sweeps && caller.is_bulk() {
        let expired = records(sessions..sessions + EXPIRED, now())?;
        let started = Instant::now();
        caller.import(&expired).await?;
        times.push((Operation::Import, us(started.elapsed(), EXPIRED)));

        let started = Instant::now();
        let removed = caller.sweep().await?;
        times.push((Operation::Sweep, us(started.elapsed(), 1)));
        if removed != EXPIRED as u64 {
            return Err(Failure::new(format!(
                "a sweep has removed {removed} sessions, and {EXPIRED} had expired"
            )));
        }
    }
    Ok(times)
}

fn records(numbers: std::ops::Range<usize>, expires_at: Timestamp) -> Result<Vec<SessionRecord>> {
    let record = |number| {
        let host = format!("ws-{number}.dcv.example").parse();
        let host = host.while_doing("not a host")?;
        let record = SessionRecord::builder(id(number)?, host, Expiry::At(expires_at))
            .http_port(8443)
            .quic_port(8443)
            .build();
        record.while_doing("not a record")
    };
    numbers.map(record).collect()
}

fn id(number: usize) -> Result<SessionId> {
    sessions::id(number).parse().while_doing("not an id")
}

fn us(time: Duration, calls: usize) -> f64 {
    time.as_secs_f64() * 1e6 / calls as f64
}
