//! What is measured, in groups that can be asked for by name.

mod file;
mod footprint;
mod whole_request;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;

use crate::figures::Figures;
use crate::load;
use crate::process::{self, Process};
use crate::{Settings, table};

/// All that a group needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) resolver: PathBuf,
    pub(crate) this_program: PathBuf,
}

type Group = fn(&Context);

const GROUPS: [(&str, Group); 8] = [
    ("static", whole_request::static_file),
    ("sqlite", whole_request::sqlite),
    ("redis", whole_request::redis),
    ("scale", whole_request::scale),
    ("log", whole_request::log),
    ("tls", whole_request::tls),
    ("footprint", footprint::all),
    ("file", file::all),
];

pub(crate) fn names() -> PossibleValuesParser {
    GROUPS.map(|(name, _)| name).into()
}

pub(crate) fn measure(settings: Settings) {
    let this_program = std::env::current_exe().unwrap();
    let resolver = settings
        .resolver
        .clone()
        .unwrap_or_else(|| this_program.with_file_name("dcv-resolver"));
    let context = Context {
        settings,
        resolver,
        this_program,
    };
    if !context.has("taskset") {
        eprintln!("taskset is missing; it is part of util-linux");
        std::process::exit(2);
    }
    table::print_head();
    let wanted = &context.settings.rows;
    for (name, group) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            group(&context);
        }
    }
}

/// One of the servers that are compared.
#[derive(Debug)]
struct Server<'a> {
    process: &'a Process,
    target: String,
}

impl Context {
    /// Whether `program` is there.
    fn has(&self, program: &str) -> bool {
        let version = std::process::Command::new(program)
            .arg("--version")
            .output();
        version.is_ok()
    }

    fn start_floor(&self) -> (Process, String) {
        let mut command = process::on_core(self.settings.server_core, &self.this_program);
        let (process, address) = Process::start_and_read_line(command.arg("floor"));
        // It does not look at the ids.
        (process, format!("http:{address}:1000"))
    }

    /// The processor time that each of `servers` takes for a request, in
    /// microseconds, each round for all of them under load in the same window.
    fn processor_time(&self, servers: &[Server<'_>], arguments: &[&str]) -> Vec<Figures> {
        let targets: Vec<_> = servers.iter().map(|server| server.target.clone()).collect();
        let load = |seconds: u64| -> Vec<f64> {
            let seconds = seconds.to_string();
            let arguments = [&["--seconds", &seconds], arguments].concat();
            let before: Vec<Duration> = servers
                .iter()
                .map(|server| server.process.processor_time())
                .collect();
            let answered = load::on(self, &arguments, &targets);
            servers
                .iter()
                .zip(before)
                .zip(&answered)
                .map(|((server, before), answered)| {
                    assert_eq!(answered.failed, 0, "{} has failed", server.target);
                    let used = server.process.processor_time() - before;
                    used.as_secs_f64() * 1e6 / answered.found as f64
                })
                .collect()
        };
        // For connections, memory, and what a store keeps.
        load(1);
        let rounds: Vec<_> = (0..self.settings.rounds)
            .map(|_| load(self.settings.seconds))
            .collect();
        let of_server = |number: usize| rounds.iter().map(|round| round[number]).collect();
        (0..servers.len()).map(of_server).collect()
    }

    fn rounds_shown(&self) -> String {
        let Settings {
            rounds, seconds, ..
        } = self.settings;
        format!("{rounds} rounds of {seconds} s")
    }
}
