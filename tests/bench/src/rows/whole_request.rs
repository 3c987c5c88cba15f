//! A whole request, over a socket and back.

use std::path::Path;

use super::side_by_side::{Handler, Server, processor_time_us};
use crate::context::Context;
use crate::failure::{Result, While};
use crate::figures::grouped;
use crate::resolver::{self, Resolver, Setup};
use crate::store::{Cache, Store};
use crate::table::{Row, Table};

/// What a request may cost, compared with the floor.
const MAX_OVER_FLOOR: f64 = 1.5;

pub(super) fn static_file(context: &Context, table: &mut Table) -> Result {
    over_floor(context, table, Store::File, Some(MAX_OVER_FLOOR))
}

pub(super) fn sqlite(context: &Context, table: &mut Table) -> Result {
    over_floor(
        context,
        table,
        Store::Sqlite(Cache::On),
        Some(MAX_OVER_FLOOR),
    )?;
    over_floor(context, table, Store::Sqlite(Cache::Off), None)
}

pub(super) fn redis(context: &Context, table: &mut Table) -> Result {
    over_floor(
        context,
        table,
        Store::Redis(Cache::On),
        Some(MAX_OVER_FLOOR),
    )?;
    over_floor(context, table, Store::Redis(Cache::Off), None)?;
    bare_redis(context, table)
}

/// What it costs to ask Redis for each request, with nothing around it.
fn bare_redis(context: &Context, table: &mut Table) -> Result {
    let folder = tempfile::tempdir().while_doing("cannot make a folder")?;
    resolver::write_sessions(folder.path(), 1_000)?;
    let store = Store::Redis(Cache::Off).prepare(context, folder.path())?;
    let handler = Handler::over_redis(context, &store.url)?;
    let floor = Handler::floor(context)?;
    let compared = Compared {
        name: "a `GET` in a bare handler, whole request".to_owned(),
        servers: [(&handler).into(), (&floor).into()],
        beside: "the floor",
        limit: None,
        ca: None,
    };
    compared.measure(context, table)
}

/// A resolver over `store` beside the floor.
fn over_floor(context: &Context, table: &mut Table, store: Store, limit: Option<f64>) -> Result {
    let floor = Handler::floor(context)?;
    let resolver = Resolver::start(
        context,
        &Setup {
            store,
            ..Setup::default()
        },
    )?;
    let compared = Compared {
        name: format!("{store}, whole request"),
        servers: [(&resolver).into(), (&floor).into()],
        beside: "the floor",
        limit,
        ca: None,
    };
    compared.measure(context, table)
}

pub(super) fn scale(context: &Context, table: &mut Table) -> Result {
    let many = context.settings.many;
    for store in [
        Store::File,
        Store::Sqlite(Cache::On),
        Store::Redis(Cache::On),
    ] {
        let start = |sessions| {
            let setup = Setup {
                store,
                sessions,
                ..Setup::default()
            };
            Resolver::start(context, &setup)
        };
        let (many_sessions, few_sessions) = (start(many)?, start(1_000)?);
        let compared = Compared {
            name: format!("1,000 → {} sessions, {store}", grouped(many)),
            servers: [(&many_sessions).into(), (&few_sessions).into()],
            beside: "1,000 sessions",
            limit: Some(1.3),
            ca: None,
        };
        compared.measure(context, table)?;
    }
    // What it costs to look it up in memory, with nothing around it.
    let start = |sessions| Handler::over_a_map(context, sessions);
    let (many_sessions, few_sessions) = (start(many)?, start(1_000)?);
    let compared = Compared {
        name: format!(
            "1,000 → {} sessions, a map in a bare handler",
            grouped(many)
        ),
        servers: [(&many_sessions).into(), (&few_sessions).into()],
        beside: "1,000 sessions",
        limit: None,
        ca: None,
    };
    compared.measure(context, table)
}

pub(super) fn log(context: &Context, table: &mut Table) -> Result {
    let start = |log| {
        let setup = Setup {
            log,
            ..Setup::default()
        };
        Resolver::start(context, &setup)
    };
    let (on, off) = (start("info")?, start("warn")?);
    let compared = Compared {
        name: "JSON decision log to a file".to_owned(),
        servers: [(&on).into(), (&off).into()],
        beside: "RUST_LOG=warn",
        limit: None,
        ca: None,
    };
    compared.measure(context, table)
}

pub(super) fn tls(context: &Context, table: &mut Table) -> Result {
    let start = |tls| {
        let setup = Setup {
            tls,
            ..Setup::default()
        };
        Resolver::start(context, &setup)
    };
    let (tls, plain) = (start(true)?, start(false)?);
    let compared = Compared {
        name: "TLS keep-alive".to_owned(),
        servers: [(&tls).into(), (&plain).into()],
        beside: "plain HTTP",
        limit: Some(1.2),
        ca: Some(&tls.ca()),
    };
    compared.measure(context, table)
}

/// The first of two servers over the second.
struct Compared<'a> {
    name: String,
    servers: [Server<'a>; 2],
    /// What the second is.
    beside: &'a str,
    limit: Option<f64>,
    ca: Option<&'a Path>,
}

impl Compared<'_> {
    fn measure(self, context: &Context, table: &mut Table) -> Result {
        let [time, beside] = processor_time_us(context, &self.servers, self.ca)?;
        let how = format!(
            "{} µs of processor time over {} µs of {}; {}, both on one core in the same window",
            time.shown(1),
            beside.shown(1),
            self.beside,
            context.settings.rounds_shown(),
        );
        table.row(&Row {
            name: self.name,
            limit: self.limit,
            figures: time.over(&beside),
            digits: 2,
            how,
        });
        Ok(())
    }
}
