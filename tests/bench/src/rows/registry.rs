//! Calls of a registry beside the bare driver, and requests to the admin API
//! beside calls.

use std::collections::HashMap;
use std::fs;

use clap::ValueEnum;

use super::renewals;
use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::figures::{Figures, grouped};
use crate::process;
use crate::registry::{EXPIRED, Operation, Place, Way};
use crate::resolver::{Resolver, Setup};
use crate::store::{Cache, Store};
use crate::table::{Row, Table};

const FEW: usize = 1_000;
/// What a call may cost, compared with its statement or script.
const MAX_OVER_BARE: f64 = 1.5;
/// What a call of Redis may cost among many sessions, compared with few. In
/// SQLite an update of a table with only an id and a time already takes 1.65
/// times as long: its rows are spread over more pages.
const MAX_OVER_FEW: f64 = 1.5;
/// What a request may cost, compared with the call that it leads to.
const MAX_OVER_CALL: f64 = 2.0;

pub(super) fn all(context: &Context, table: &mut Table) -> Result {
    for (name, store) in [
        ("SQLite", Store::Sqlite(Cache::On)),
        ("Redis", Store::Redis(Cache::On)),
    ] {
        let backend = Backend { name, store };
        let times = backend.measure(context)?;
        backend.show(context, &times, table);
        renewals::beside_gateways(context, table, name, store)?;
    }
    Ok(())
}

struct Backend {
    name: &'static str,
    store: Store,
}

/// The microseconds of a call in each round, by the number of sessions.
type Times = HashMap<(usize, Way, Operation), Vec<f64>>;

/// From few to many.
fn sizes(context: &Context) -> Vec<usize> {
    let many = if context.settings.quick {
        10_000
    } else {
        context.settings.many
    };
    let mut sizes = vec![FEW];
    sizes.extend([many / 10, many].into_iter().filter(|size| *size > FEW));
    sizes
}

impl Backend {
    fn measure(&self, context: &Context) -> Result<Times> {
        let folder = tempfile::tempdir().while_doing("cannot make a folder")?;
        let (mut resolvers, mut places) = (Vec::new(), Vec::new());
        for sessions in sizes(context) {
            let setup = Setup {
                store: self.store,
                sessions,
                admin: true,
                ..Setup::default()
            };
            let resolver = Resolver::start(context, &setup)?;
            // A database each, or every write would make the pages that the
            // others have read invalid. A server of Redis has no such pages.
            let copy = |name: &str| -> Result<String> {
                let Some(database) = resolver.store_url().strip_prefix("sqlite:") else {
                    return Ok(resolver.store_url().to_owned());
                };
                let copy = folder.path().join(format!("{name}-{sessions}.db"));
                fs::copy(database, &copy).while_doing("cannot copy the database")?;
                Ok(format!("sqlite:{}", copy.display()))
            };
            places.push(Place {
                sessions,
                library: copy("library")?,
                bare: copy("bare")?,
                admin_api: resolver.operators,
            });
            resolvers.push(resolver);
        }
        let settings = &context.settings;
        let mut command = process::on_core(settings.server_core, &context.this_program);
        command.args(["registry-calls", "--rounds", &settings.rounds.to_string()]);
        // A few hundred microseconds each.
        let calls = (settings.seconds * 250.0).ceil();
        command.args(["--calls", &calls.to_string()]);
        // A sweep of Redis among many takes long.
        command.args(["--sweeps", &settings.rounds.min(3).to_string()]);
        command.args(places.iter().map(Place::to_string));
        let output = process::output(&mut command)?;
        drop(resolvers);
        let mut times = Times::new();
        for line in output.lines() {
            let (key, us) = time(line)?;
            times.entry(key).or_default().push(us);
        }
        Ok(times)
    }

    fn show(&self, context: &Context, times: &Times, table: &mut Table) {
        let sizes = sizes(context);
        let figures = |sessions, way, operation| -> Figures {
            let times = times.get(&(sessions, way, operation));
            let unit = self.unit(operation, sessions).1;
            times.into_iter().flatten().map(|us| us / unit).collect()
        };
        let rounds = context.settings.rounds;
        for &operation in Operation::value_variants() {
            for &sessions in &sizes {
                let library = figures(sessions, Way::Library, operation);
                let bare = figures(sessions, Way::Bare, operation);
                table.row(&Row {
                    name: format!(
                        "{}, {operation} among {}",
                        self.name,
                        grouped(sessions)
                    ),
                    limit: self.has_limit_over_bare(operation).then_some(MAX_OVER_BARE),
                    figures: library.over(&bare),
                    digits: 2,
                    how: format!(
                        "{} µs{} over {} µs through the driver alone; {rounds} rounds in turn, one call at a time, on one core",
                        library.shown(1),
                        self.unit(operation, sessions).0,
                        bare.shown(1),
                    ),
                });
            }
            let Some(&many) = sizes.last() else { continue };
            let [few_library, many_library] =
                [FEW, many].map(|sessions| figures(sessions, Way::Library, operation));
            let [few_bare, many_bare] =
                [FEW, many].map(|sessions| figures(sessions, Way::Bare, operation));
            table.row(&Row {
                name: format!(
                    "{}, {operation}, 1,000 → {} sessions",
                    self.name,
                    grouped(many)
                ),
                limit: matches!(self.store, Store::Redis(_)).then_some(MAX_OVER_FEW),
                figures: many_library.over(&few_library),
                digits: 2,
                how: format!(
                    "{} µs over {} µs among 1,000; through the driver alone {} ×",
                    many_library.shown(1),
                    few_library.shown(1),
                    many_bare.over(&few_bare).shown(2),
                ),
            });
            let request = figures(FEW, Way::AdminApi, operation);
            if request.is_empty() {
                continue;
            }
            table.row(&Row {
                name: format!("{}, {operation} through the admin API", self.name),
                limit: Some(MAX_OVER_CALL),
                figures: request.over(&few_library),
                digits: 2,
                how: format!(
                    "{} µs over {} µs of the call, among 1,000; one request at a time, client and resolver on one core",
                    request.shown(1),
                    few_library.shown(1),
                ),
            });
        }
    }

    /// Returns whether a call does no more than its statement or script. A page
    /// of Redis is also decoded, and an import is checked.
    fn has_limit_over_bare(&self, operation: Operation) -> bool {
        matches!(self.store, Store::Sqlite(_)) || operation == Operation::Renew
    }

    /// What a time is for, and how many of them a call is.
    fn unit(&self, operation: Operation, sessions: usize) -> (&'static str, f64) {
        match (operation, self.store) {
            (Operation::Sweep, Store::Redis(_)) => {
                // It reads all of them.
                (" for a session that is there", (sessions + EXPIRED) as f64)
            }
            (Operation::Sweep, _) => (" for a session removed", EXPIRED as f64),
            (Operation::Import, _) => (" for a session", 1.0),
            _ => ("", 1.0),
        }
    }
}

/// Reads what was measured from a line.
fn time(line: &str) -> Result<((usize, Way, Operation), f64)> {
    let words: Vec<_> = line.split(' ').collect();
    let &[sessions, way, operation, us] = words.as_slice() else {
        return Err(Failure::new(format!("the calls said {line:?}")));
    };
    let way = Way::from_str(way, false).while_doing(line)?;
    let operation = Operation::from_str(operation, false).while_doing(line)?;
    let key = (process::number(sessions)?, way, operation);
    Ok((key, process::number(us)?))
}
