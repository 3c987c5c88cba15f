//! Memory and descriptors of the resolver, which must not grow after a while,
//! and the number of log lines that it dropped.

use std::fs;
use std::time::Duration;

use crate::control::Control;
use crate::http::Connection;
use crate::options::Options;
use crate::resolver::Resolver;
use crate::tally::Tally;

/// How much more memory than after the warm-up is accepted, in percent: an
/// allocator returns memory late.
const MAX_GROWTH_PERCENT: u64 = 15;
/// How many more descriptors than after the warm-up are accepted: connections
/// come and go.
const MAX_MORE_DESCRIPTORS: u64 = 40;

pub(crate) fn run(options: &Options, resolver: &Resolver, control: &Control, tally: &Tally) {
    let mut after_warm_up = Peak::default();
    let mut later = Peak::default();
    while control.wait(Duration::from_secs(1)) {
        let Some(now) = Peak::now(resolver.id()) else {
            tally.violation("resolver", "is gone");
            return;
        };
        let peak = if control.elapsed() < options.warm_up() {
            &mut after_warm_up
        } else {
            &mut later
        };
        peak.raise(now);
        // Its log is filled on purpose, so that lines are dropped and counted.
        if control.remaining() < Duration::from_secs(2) {
            break;
        }
    }
    tally.note("memory_kb until warm", after_warm_up.resident_kb);
    tally.note("memory_kb later", later.resident_kb);
    tally.note("descriptors until warm", after_warm_up.descriptors);
    tally.note("descriptors later", later.descriptors);
    if later.resident_kb * 100 > after_warm_up.resident_kb * (100 + MAX_GROWTH_PERCENT) {
        tally.violation("memory", format!("{after_warm_up:?}, later {later:?}"));
    }
    if later.descriptors > after_warm_up.descriptors + MAX_MORE_DESCRIPTORS {
        tally.violation("descriptors", format!("{after_warm_up:?}, later {later:?}"));
    }
    note_dropped_lines(resolver, tally);
}

#[derive(Debug, Clone, Copy, Default)]
struct Peak {
    resident_kb: u64,
    descriptors: u64,
}

impl Peak {
    fn now(process: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        Some(Self {
            resident_kb: line.split_whitespace().next()?.parse().ok()?,
            descriptors: descriptors as u64,
        })
    }

    fn raise(&mut self, now: Self) {
        self.resident_kb = self.resident_kb.max(now.resident_kb);
        self.descriptors = self.descriptors.max(now.descriptors);
    }
}

fn note_dropped_lines(resolver: &Resolver, tally: &Tally) {
    const NAME: &str = "dcv_resolver_log_lines_dropped_total";

    let metrics = match Connection::new(resolver.operators).request("GET", "/metrics", "", "") {
        Ok(response) => response.body,
        Err(error) => return tally.violation("/metrics", error.to_string()),
    };
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(NAME)?.trim().parse::<f64>().ok());
    match value {
        Some(dropped) => tally.note("log lines dropped", dropped as u64),
        None => tally.violation("metrics", format!("there is no {NAME}")),
    }
}
