//! Calls of a registry, each beside the same statement or script through the
//! bare driver, and through the admin API: in turn, in one process.

mod admin_api;
mod bare_redis;
mod bare_sqlite;
mod caller;
mod library;
mod place;
mod turn;

pub(crate) use caller::{Operation, Way};
pub(crate) use place::Place;
pub(crate) use turn::EXPIRED;

use tokio::runtime::Builder;

use crate::failure::{Result, While};
use turn::{Turn, take};

/// The first turns open connections and prepare statements. A sweep of Redis
/// among many takes long, and prepares little.
const WARM_UP: Turn = Turn {
    calls: 20,
    sweeps: false,
};

#[derive(Debug, clap::Args)]
pub(crate) struct RegistryCalls {
    #[arg(long)]
    rounds: usize,
    /// How often each operation on one session is called in a round.
    #[arg(long)]
    calls: usize,
    /// In how many rounds expired sessions are imported and removed.
    #[arg(long)]
    sweeps: usize,
    places: Vec<Place>,
}

/// Prints a line for each round, place, way and operation: the number of
/// sessions, the way, the operation, and the microseconds of a call.
pub(crate) fn run(calls: &RegistryCalls) -> Result {
    // The calls run where the tasks of the drivers do, as in a resolver.
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.while_doing("cannot start a runtime")?;
    runtime.block_on(take_turns(calls))
}

async fn take_turns(calls: &RegistryCalls) -> Result {
    let mut places = Vec::new();
    for place in &calls.places {
        let mut callers = place.callers().await?;
        for (_, caller) in &mut callers {
            take(WARM_UP, caller.as_mut(), place.sessions).await?;
        }
        places.push((place, callers));
    }
    for round in 0..calls.rounds {
        let turn = Turn {
            calls: calls.calls,
            sweeps: round < calls.sweeps,
        };
        for (place, callers) in &mut places {
            // Another is the first in each round.
            callers.rotate_left(1);
            for (way, caller) in callers {
                for (operation, us) in take(turn, caller.as_mut(), place.sessions).await? {
                    println!("{} {way} {operation} {us}", place.sessions);
                }
            }
        }
    }
    Ok(())
}
