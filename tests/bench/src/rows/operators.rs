//! Answers to gateways while operators ask, change sessions and import them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::figures::{Figures, grouped};
use crate::load;
use crate::operator_loops::{self, Answers, Asked, LOOPS, PAUSE};
use crate::paced::{self, CONNECTIONS, PER_S};
use crate::resolver::{Resolver, Setup, write_leased_sessions};
use crate::set_times::Answered;
use crate::store::{self, Cache, Store};
use crate::table::{Row, Table};

/// How many sessions there are, unless the settings ask for fewer: an explanation
/// compares each with the id that is asked for.
const SESSIONS: usize = 10_000;

/// What operators do at the same time.
struct Load {
    name: &'static str,
    /// What the loops ask for.
    asked: Option<Asked>,
    /// Whether sessions are imported.
    imports: bool,
}

const LOADS: [Load; 6] = [
    asked("explanations", Asked::Explanations),
    asked("metrics", Asked::Metrics),
    asked("listings", Asked::Listings),
    asked("registrations and removals", Asked::Changes),
    Load {
        name: "imports",
        asked: None,
        imports: true,
    },
    Load {
        name: "all of these",
        asked: Some(Asked::All),
        imports: true,
    },
];

const fn asked(name: &'static str, asked: Asked) -> Load {
    Load {
        name,
        asked: Some(asked),
        imports: false,
    }
}

pub(super) fn beside_gateways(context: &Context, table: &mut Table) -> Result {
    let sessions = SESSIONS.min(context.settings.many);
    let setup = Setup {
        store: Store::Sqlite(Cache::On),
        sessions,
        admin: true,
        all_cores: true,
        ..Setup::default()
    };
    let beside = Beside {
        context,
        resolver: Resolver::start(context, &setup)?,
        sessions,
    };
    let elsewhere = tempfile::tempdir().while_doing("cannot make a folder")?;
    write_leased_sessions(elsewhere.path(), sessions)?;
    for load in LOADS {
        beside.measure(&load, elsewhere.path(), table)?;
    }
    Ok(())
}

/// A resolver with its gateways.
struct Beside<'a> {
    context: &'a Context,
    resolver: Resolver,
    sessions: usize,
}

/// What was done while gateways were answered.
#[derive(Debug, Default)]
struct Done {
    asked: Answers,
    imports: u64,
}

impl Beside<'_> {
    fn measure(&self, load: &Load, elsewhere: &Path, table: &mut Table) -> Result {
        let seconds = self.context.settings.seconds;
        let (mut without, mut with, mut control) = (Vec::new(), Vec::new(), Vec::new());
        let mut sum = Done::default();
        for _ in 0..self.context.settings.rounds {
            let (answered, _) = self.gateways(|| self.work(None, None, None))?;
            without.push(answered.p99_ms);

            let imported = load.imports.then(|| self.resolver.folder.path());
            let (answered, done) = self.gateways(|| self.work(load.asked, None, imported))?;
            with.push(answered.p99_ms);
            sum.asked.given += done.asked.given;
            sum.asked.refused += done.asked.refused;
            sum.imports += done.imports;

            // As much that the server has nothing to do with.
            let livez = load.asked.map(|_| Asked::Livez);
            let per_s = (done.asked.given + done.asked.refused) as f64 / seconds;
            let imported = load.imports.then_some(elsewhere);
            let (answered, _) = self.gateways(|| self.work(livez, Some(per_s), imported))?;
            control.push(answered.p99_ms);
        }
        let [without, with, control] = [without, with, control].map(Figures::from_iter);
        table.row(&Row {
            name: format!("{} beside gateways, p99", load.name),
            limit: Some(2.0),
            // Not over `without`: on two cores the clients of the loops, and an import
            // elsewhere, already take the processors from the gateways.
            figures: with.over(&control),
            digits: 2,
            how: format!(
                "{} ms over {} ms with {}; {} ms without either; {} among {} sessions in SQLite; {PER_S} requests a second at set times over {CONNECTIONS} connections; server on all cores",
                with.shown(2),
                control.shown(2),
                load.control(),
                without.shown(2),
                sum.shown(load),
                grouped(self.sessions),
            ),
        });
        Ok(())
    }

    /// Gateways ask while `work` is done.
    fn gateways(&self, work: impl FnOnce() -> Result<Done>) -> Result<(Answered, Done)> {
        let target = &self.resolver.target;
        // Each session once, so that the cache has them all.
        load::on(self.context, None, None, std::slice::from_ref(target))?;
        let (answered, done) = paced::during(self.context, target, work)?;
        match answered.failed {
            0 => Ok((answered, done)),
            failed => Err(Failure::new(format!(
                "{failed} requests of gateways failed"
            ))),
        }
    }

    /// Asks and imports for as long as a round takes.
    fn work(
        &self,
        asked: Option<Asked>,
        per_s: Option<f64>,
        imported: Option<&Path>,
    ) -> Result<Done> {
        let import = || match imported {
            Some(folder) => self.import(folder),
            None => {
                thread::sleep(self.window());
                Ok(0)
            }
        };
        let Some(asked) = asked else {
            let imports = import()?;
            return Ok(Done {
                imports,
                ..Done::default()
            });
        };
        let operators = self.resolver.operators;
        let (asked, imports) =
            operator_loops::during(self.context, operators, asked, per_s, import)?;
        Ok(Done { asked, imports })
    }

    /// Imports the sessions of a folder into its database, again and again.
    /// Returns how often.
    fn import(&self, folder: &Path) -> Result<u64> {
        let url = format!("sqlite:{}", folder.join("sessions.db").display());
        let started = Instant::now();
        let mut imports = 0;
        while started.elapsed() < self.window() {
            store::import(self.context, &url, folder)?;
            imports += 1;
            thread::sleep(PAUSE);
        }
        Ok(imports)
    }

    fn window(&self) -> Duration {
        Duration::from_secs_f64(self.context.settings.seconds)
    }
}

impl Load {
    /// What is done instead.
    fn control(&self) -> &'static str {
        match (self.asked.is_some(), self.imports) {
            (true, false) => "as many requests for /livez instead",
            (false, _) => "imports into another database instead",
            (true, true) => "/livez and imports into another database instead",
        }
    }
}

impl Done {
    fn shown(&self, load: &Load) -> String {
        let Self { asked, imports } = self;
        let mut shown = Vec::new();
        if load.asked.is_some() {
            shown.push(format!(
                "{LOOPS} loops with pauses of {} ms were given {} answers and refused {}",
                PAUSE.as_millis(),
                asked.given,
                asked.refused,
            ));
        }
        if load.imports {
            shown.push(format!("{imports} imports of all, one after the other"));
        }
        shown.join("; ")
    }
}
