//! Answers while a large session file is read again.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use dcv_resolver_bench::sessions;

use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::figures::{Figures, grouped};
use crate::file;
use crate::paced::{self, CONNECTIONS, PER_S};
use crate::resolver::{Resolver, Setup};
use crate::table::{Row, Table};
use crate::target::Target;

/// The content of the file, in turn.
const VERSIONS: [&str; 2] = ["a.json", "b.json"];
/// How often the resolver is asked whether it has reloaded, also while it does
/// not: asking is work.
const LOOK: Duration = Duration::from_millis(50);
/// A reload is followed by looks at the file that are none, for so long.
const AFTERMATH: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn under_load(context: &Context, table: &mut Table) -> Result {
    let many = context.settings.many;
    let setup = Setup {
        sessions: many,
        all_cores: true,
        ..Setup::default()
    };
    let resolver = Resolver::start(context, &setup)?;
    let folder = resolver.folder.path();
    for (number, version) in VERSIONS.iter().enumerate() {
        file::write(&folder.join(version), sessions::json(many - number))?;
    }
    // One that is in both versions.
    let target = Target {
        sessions: many - 1,
        ..resolver.target.clone()
    };
    let mut versions = VERSIONS.iter().rev().cycle();
    let window = Duration::from_secs_f64(context.settings.seconds);

    let mut failed = 0;
    let mut reloads = 0;
    let (mut steady, mut during) = (Vec::new(), Vec::new());
    let (mut steady_late, mut during_late) = (Vec::new(), Vec::new());
    for _ in 0..context.settings.rounds {
        thread::sleep(AFTERMATH);
        let wait = || look(&resolver, window, |_| false);
        let (answered, _) = paced::during(context, &target, wait)?;
        failed += answered.failed;
        steady.push(answered.p99_ms);
        steady_late.push(answered.late_p99_ms);

        let reload = || {
            let started = Instant::now();
            let mut reloads = 0;
            while reloads == 0 || started.elapsed() < window {
                let before = self::reloads(&resolver)?;
                if let Some(version) = versions.next() {
                    put(folder, version)?;
                }
                if !look(&resolver, PATIENCE, |now| now > before)? {
                    return Err(Failure::new(format!(
                        "the resolver has not reloaded its file within {} s",
                        PATIENCE.as_secs()
                    )));
                }
                reloads += 1;
            }
            Ok(reloads)
        };
        let (answered, reloaded) = paced::during(context, &target, reload)?;
        failed += answered.failed;
        reloads += reloaded;
        during.push(answered.p99_ms);
        during_late.push(answered.late_p99_ms);
    }
    let [steady, during, steady_late, during_late] =
        [steady, during, steady_late, during_late].map(Figures::from_iter);
    let how = format!(
        "{reloads} reloads of {} sessions, one after the other; {PER_S} requests a second at set times over {CONNECTIONS} connections; server on all cores",
        grouped(many)
    );
    table.row(&Row {
        name: "reload under load, requests failed".to_owned(),
        limit: Some(0.0),
        figures: (failed as f64).into(),
        digits: 0,
        how,
    });
    table.row(&Row {
        name: "reload under load, p99".to_owned(),
        limit: Some(2.0),
        figures: during.over(&steady),
        digits: 2,
        how: format!(
            "{} ms over {} ms in the windows between, from when each request was due; of it the clients were late by {} and {} ms themselves (p99)",
            during.shown(2),
            steady.shown(2),
            during_late.shown(2),
            steady_late.shown(2),
        ),
    });
    Ok(())
}

/// Puts another version in the file's place. Nothing is written: that would
/// disturb as well.
fn put(folder: &Path, version: &str) -> Result {
    let new = folder.join("new.json");
    fs::hard_link(folder.join(version), &new)
        .and_then(|()| fs::rename(&new, folder.join("sessions.json")))
        .while_doing("cannot change the session file")
}

/// Looks how often the resolver has reloaded until that is enough, or the time
/// is over. Whether it was enough.
fn look(resolver: &Resolver, time: Duration, is_enough: impl Fn(f64) -> bool) -> Result<bool> {
    let started = Instant::now();
    loop {
        if is_enough(reloads(resolver)?) {
            return Ok(true);
        }
        if started.elapsed() >= time {
            return Ok(false);
        }
        thread::sleep(LOOK);
    }
}

fn reloads(resolver: &Resolver) -> Result<f64> {
    resolver.metric("dcv_resolver_reloads_total{what=\"sessions\",result=\"ok\"}")
}
