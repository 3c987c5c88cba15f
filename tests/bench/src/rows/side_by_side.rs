//! Processor time for a whole request, beside that of another server in the
//! same window.

use std::path::Path;

use crate::context::Context;
use crate::failure::{Result, While};
use crate::figures::Figures;
use crate::load;
use crate::process::{self, Process};
use crate::resolver::Resolver;
use crate::target::{Kind, Target};

/// One of the servers that are compared.
#[derive(Debug)]
pub(super) struct Server<'a> {
    process: &'a Process,
    target: Target,
}

impl<'a> From<&'a Resolver> for Server<'a> {
    fn from(resolver: &'a Resolver) -> Self {
        Self {
            process: &resolver.process,
            target: resolver.target.clone(),
        }
    }
}

/// A handler of this program, serving.
#[derive(Debug)]
pub(super) struct Handler {
    process: Process,
    target: Target,
}

impl Handler {
    /// The floor, which does not look at the ids.
    pub(super) fn floor(context: &Context) -> Result<Self> {
        Self::start(context, &["floor"], Kind::Floor, 1_000)
    }

    /// A bare one over a map of so many sessions.
    pub(super) fn over_a_map(context: &Context, sessions: usize) -> Result<Self> {
        let arguments = ["bare", "--sessions", &sessions.to_string()];
        Self::start(context, &arguments, Kind::Http, sessions)
    }

    /// A bare one that asks Redis for each of a thousand sessions.
    pub(super) fn over_redis(context: &Context, url: &str) -> Result<Self> {
        Self::start(context, &["bare", "--redis", url], Kind::Http, 1_000)
    }

    fn start(context: &Context, arguments: &[&str], kind: Kind, sessions: usize) -> Result<Self> {
        let mut command = process::on_core(context.settings.server_core, &context.this_program);
        let (process, address) = Process::start_and_read_line(command.args(arguments))?;
        let address = address.parse();
        let target = Target {
            kind,
            address: address.while_doing("a handler has not said where it is")?,
            sessions,
        };
        Ok(Self { process, target })
    }
}

impl<'a> From<&'a Handler> for Server<'a> {
    fn from(handler: &'a Handler) -> Self {
        Self {
            process: &handler.process,
            target: handler.target.clone(),
        }
    }
}

/// The microseconds that each of `servers` takes for a request, each round for
/// both of them under load in the same window.
pub(super) fn processor_time_us(
    context: &Context,
    servers: &[Server<'_>; 2],
    ca: Option<&Path>,
) -> Result<[Figures; 2]> {
    let targets = servers.each_ref().map(|server| server.target.clone());
    let load = |seconds| load::on(context, seconds, ca, &targets);
    // Each session once, so that everything that keeps answers has them all;
    // then for as long as it takes connections and memory to settle.
    load(None)?;
    load(Some(context.settings.seconds.min(1.0)))?;

    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..context.settings.rounds {
        let before = used_us(servers)?;
        let answered = load(Some(context.settings.seconds))?;
        let after = used_us(servers)?;
        for (number, times) in [&mut one, &mut other].into_iter().enumerate() {
            times.push((after[number] - before[number]) / answered[number] as f64);
        }
    }
    Ok([one, other].map(Figures::from_iter))
}

fn used_us(servers: &[Server<'_>; 2]) -> Result<[f64; 2]> {
    let [one, other] = servers.each_ref().map(|server| {
        let used = server.process.processor_time();
        used.map(|used| used.as_secs_f64() * 1e6)
    });
    Ok([one?, other?])
}
