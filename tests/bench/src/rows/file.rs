//! A file with a million sessions.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dcv_resolver_bench::sessions;

use super::Context;
use crate::figures::Figures;
use crate::load;
use crate::parse::By;
use crate::process;
use crate::resolver::{Resolver, Setup};
use crate::table::{self, Row};

const SESSIONS: usize = 1_000_000;

pub(super) fn all(context: &Context) {
    memory(context);
    parse(context);
    reload(context);
}

fn start(context: &Context, sessions: usize) -> Resolver {
    Resolver::start(
        context,
        &Setup {
            sessions,
            all_cores: true,
            ..Setup::default()
        },
    )
}

fn memory(context: &Context) {
    let resident = |sessions: usize| {
        let resolver = start(context, sessions);
        thread::sleep(Duration::from_secs(1));
        resolver.process.resident_bytes() as f64
    };
    let empty = resident(1);
    let rounds = context.settings.rounds.min(3);
    let bytes: Figures = (0..rounds)
        .map(|_| (resident(SESSIONS) - empty) / SESSIONS as f64)
        .collect();
    table::print(
        "memory of a session, bytes",
        &Row::at_most(
            "≤ 250",
            250.0,
            bytes.median(),
            bytes.shown(0),
            format!("VmRSS with 1,000,000 sessions less that with one; {rounds} starts"),
        ),
    );
}

fn parse(context: &Context) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.json");
    sessions::write_file(&path, SESSIONS);
    let time = |by: By| -> f64 {
        let mut command = process::on_core(context.settings.server_core, &context.this_program);
        let printed = process::output(command.args(["parse", by.as_str()]).arg(&path));
        printed.trim().parse().unwrap()
    };
    let rounds = context.settings.rounds;
    let (store, value): (Vec<f64>, Vec<f64>) = (0..rounds)
        .map(|_| (time(By::Store), time(By::SerdeJson)))
        .unzip();
    let (store, value) = (Figures::from_iter(store), Figures::from_iter(value));
    let ratio = store.over(&value);
    table::print(
        "parse of 1,000,000 sessions",
        &Row::at_most(
            "≤ 1.3",
            1.3,
            ratio.median(),
            ratio.shown(2),
            format!(
                "{} ms over serde_json into a Value {} ms; {rounds} rounds in turn, each a process",
                store.shown(0),
                value.shown(0),
            ),
        ),
    );
}

/// What is asked while the file changes: far from what the server could answer,
/// as a resolver is asked.
const PER_S: &str = "2000";
/// How often it changes: as often as it can be read, so that it is always being
/// read.
const CHANGE: Duration = Duration::from_secs(3);

fn reload(context: &Context) {
    let resolver = start(context, SESSIONS);
    let folder = resolver.folder.path();
    let versions = ["a.json", "b.json"].map(|name| folder.join(name));
    for (number, version) in versions.iter().enumerate() {
        sessions::write_file(version, SESSIONS - number);
    }
    // One that is in both versions.
    let target = resolver.target().replace(":1000000", ":1000");
    let seconds = context.settings.seconds.max(6).to_string();
    let load = || {
        let arguments = ["--seconds", &seconds, "--per-s", PER_S];
        load::on(context, &arguments, std::slice::from_ref(&target)).remove(0)
    };
    load();

    let reloads = || resolver.metric("dcv_resolver_reloads_total{what=\"sessions\",result=\"ok\"}");
    let before = reloads();
    let mut failed = 0;
    let (mut steady, mut during) = (Vec::new(), Vec::new());
    for _ in 0..context.settings.rounds {
        let answered = load();
        failed += answered.failed;
        steady.push(answered.p99.as_secs_f64() * 1_000.0);

        let done = AtomicBool::new(false);
        let answered = thread::scope(|scope| {
            scope.spawn(|| change(&versions, folder, &done));
            let answered = load();
            done.store(true, Ordering::Relaxed);
            answered
        });
        failed += answered.failed;
        during.push(answered.p99.as_secs_f64() * 1_000.0);
    }
    let reloads = reloads() - before;
    let (steady, during) = (Figures::from_iter(steady), Figures::from_iter(during));
    let ratio = during.over(&steady);
    let how = format!(
        "{PER_S} requests a second, 1,000,000 sessions, {reloads} reloads in {} windows of {seconds} s; server on all cores",
        context.settings.rounds
    );
    table::print(
        "reload under load, requests failed",
        &Row::at_most("0", 0.0, failed as f64, failed, how),
    );
    table::print(
        "reload under load, p99",
        &Row::at_most(
            "≤ 2",
            2.0,
            ratio.median(),
            ratio.shown(2),
            format!(
                "{} ms over {} ms in the windows between",
                during.shown(2),
                steady.shown(2)
            ),
        ),
    );
}

/// Puts one version after the other in the file's place. Nothing is written:
/// that would disturb as well.
fn change(versions: &[std::path::PathBuf; 2], folder: &Path, done: &AtomicBool) {
    for version in versions.iter().cycle() {
        let new = folder.join("new.json");
        fs::hard_link(version, &new).unwrap();
        fs::rename(&new, folder.join("sessions.json")).unwrap();
        // In small steps, to end with the clients.
        for _ in 0..CHANGE.as_millis() / 50 {
            if done.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}
