//! What the process takes while nothing is asked.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::Context;
use crate::figures::Figures;
use crate::resolver::{Resolver, Setup};
use crate::table::{self, Row};

const MB: f64 = 1e6;

pub(super) fn all(context: &Context) {
    let mut idle_mb = Vec::new();
    let mut first_answer_ms = Vec::new();
    for _ in 0..context.settings.rounds {
        let resolver = Resolver::start(context, &Setup::default());
        first_answer_ms.push(resolver.first_answer.as_secs_f64() * 1_000.0);
        // What the start needed is freed by then.
        thread::sleep(Duration::from_secs(1));
        idle_mb.push(resolver.process.resident_bytes() as f64 / MB);
    }
    let starts = format!(
        "{} starts, 1,000 sessions in a file",
        context.settings.rounds
    );
    let idle = Figures::from_iter(idle_mb);
    table::print(
        "idle memory, MB",
        &Row::at_most(
            "≤ 15",
            15.0,
            idle.median(),
            idle.shown(1),
            format!("VmRSS a second after the start; {starts}"),
        ),
    );
    let first_answer = Figures::from_iter(first_answer_ms);
    table::print(
        "cold start to first answer, ms",
        &Row::at_most(
            "≤ 50",
            50.0,
            first_answer.median(),
            first_answer.shown(1),
            format!("from fork to the first 200, asked every 0.5 ms; {starts}"),
        ),
    );
    size(context);
}

fn size(context: &Context) {
    let name = "stripped binary, MB";
    if !context.has("strip") {
        return table::print_skipped(name, "strip is missing; it is part of binutils");
    }
    let folder = tempfile::tempdir().unwrap();
    let stripped = folder.path().join("stripped");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(&context.resolver)
        .status();
    assert!(status.unwrap().success());
    let mb = fs::metadata(stripped).unwrap().len() as f64 / MB;
    let row = Row::at_most("≤ 15", 15.0, mb, format!("{mb:.1}"), "`strip`");
    table::print(name, &row);
}
