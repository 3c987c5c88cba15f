//! Runs the ready binary with everything at once: gateways at half load, agents
//! that register and renew sessions, reloads, operators, refused callers, slow
//! clients, a Redis that is killed and a log reader that stalls.
//!
//! Exits with 0 if nothing went wrong, and with 1 after a list of what did: a
//! false 404, a failed request outside of an outage, a panic, memory or
//! descriptors that grow, or a shutdown that takes too long.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it reports to a person"
)]

mod agents;
mod control;
mod failure;
mod gateways;
mod hostile;
mod http;
mod monitor;
mod operators;
mod options;
mod outages;
mod redis;
mod reloads;
mod resolver;
mod sessions;
mod tally;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::Parser;

use self::control::Control;
use self::failure::Result;
use self::options::Options;
use self::redis::Redis;
use self::resolver::Resolver;
use self::tally::Tally;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(tally) => {
            print!("{tally}");
            if tally.violations().is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(failure) => {
            eprintln!("dcv-resolver-soak: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<Tally> {
    let folder = tempfile::tempdir().map_err(failure::doing("cannot create a folder"))?;
    let mut redis = Redis::start(folder.path())?;
    let mut resolver = Resolver::start(options, folder.path(), redis.address())?;
    let tally = Tally::default();
    let control = Control::new(options.seconds);

    let tokens = agents::register_all(options, &resolver, &tally)?;
    let requests_per_s = match options.requests_per_s {
        Some(requests_per_s) => requests_per_s,
        None => gateways::half_of_capacity(options, &resolver, &tally)?,
    };
    println!(
        "{requests_per_s} requests/s for {} s, {} leases, log in {}",
        options.seconds,
        options.sessions,
        resolver.log_path().display()
    );
    let began = Instant::now();
    thread::scope(|scope| {
        let (control, tally, resolver) = (&control, &tally, &resolver);
        gateways::spawn(scope, options, requests_per_s, resolver, control, tally);
        agents::spawn(scope, options, tokens, resolver, control, tally);
        scope.spawn(move || operators::run(resolver, control, tally));
        scope.spawn(move || hostile::refused_callers(resolver, control, tally));
        scope.spawn(move || hostile::slow_clients(resolver, control, tally));
        scope.spawn(move || reloads::run(options, resolver, control, tally));
        scope.spawn(move || monitor::run(options, resolver, control, tally));
        scope.spawn(move || outages::of_the_log(options, resolver, control, tally));
        outages::of_redis(options, &mut redis, resolver, control, tally);
    });
    tally.note("seconds", began.elapsed().as_secs());
    resolver.stop(&tally);
    Ok(tally)
}
