//! Processor time for a whole request, beside that of something else in the
//! same window.

use super::{Context, Server};
use crate::process::Process;
use crate::resolver::{Resolver, Setup, Store};
use crate::table::{self, Row};

pub(super) fn static_file(context: &Context) {
    over_floor(context, "static file", Store::File, ("≤ 1.25", 1.25));
}

pub(super) fn sqlite(context: &Context) {
    over_floor(
        context,
        "SQLite, cached",
        Store::CachedSqlite,
        ("≤ 1.35", 1.35),
    );
    over_floor(context, "SQLite", Store::Sqlite, ("", f64::INFINITY));
}

pub(super) fn redis(context: &Context) {
    if !context.has("redis-server") {
        return table::print_skipped("Redis", "redis-server is missing");
    }
    over_floor(
        context,
        "Redis, cached",
        Store::CachedRedis,
        ("≤ 1.35", 1.35),
    );
    over_floor(context, "Redis", Store::Redis, ("≤ 1.9", 1.9));
}

/// A resolver over `store` beside the floor.
fn over_floor(context: &Context, name: &str, store: Store, target: (&'static str, f64)) {
    let floor = context.start_floor();
    let resolver = Resolver::start(
        context,
        &Setup {
            store,
            ..Setup::default()
        },
    );
    let servers = [
        served(&resolver),
        Server {
            process: &floor.0,
            target: floor.1,
        },
    ];
    let beside = ("floor", target);
    compare(
        context,
        &format!("{name}, whole request"),
        &servers,
        &[],
        beside,
    );
}

pub(super) fn scale(context: &Context) {
    let mut stores = vec![
        ("static file", Store::File),
        ("SQLite, cached", Store::CachedSqlite),
    ];
    if context.has("redis-server") {
        stores.push(("Redis, cached", Store::CachedRedis));
    }
    for (name, store) in stores {
        let [few, many] = [1_000, 1_000_000].map(|sessions| {
            Resolver::start(
                context,
                &Setup {
                    store,
                    sessions,
                    ..Setup::default()
                },
            )
        });
        let servers = [served(&many), served(&few)];
        let name = format!("1,000,000 sessions, {name}");
        let beside = ("1,000 sessions", ("≤ 1.3", 1.3));
        compare(context, &name, &servers, &[], beside);
    }
}

pub(super) fn log(context: &Context) {
    let [on, off] = ["info", "warn"].map(|log| {
        Resolver::start(
            context,
            &Setup {
                log,
                ..Setup::default()
            },
        )
    });
    let servers = [served(&on), served(&off)];
    let beside = ("RUST_LOG=warn", ("≤ 1.35", 1.35));
    compare(
        context,
        "JSON decision log to a file",
        &servers,
        &[],
        beside,
    );
}

pub(super) fn tls(context: &Context) {
    let [tls, plain] = [true, false].map(|tls| {
        Resolver::start(
            context,
            &Setup {
                tls,
                ..Setup::default()
            },
        )
    });
    let servers = [served(&tls), served(&plain)];
    let ca = tls.ca();
    let arguments = ["--ca", ca.to_str().unwrap()];
    let beside = ("plain HTTP", ("≤ 1.2", 1.2));
    compare(context, "TLS keep-alive", &servers, &arguments, beside);
}

fn served(resolver: &Resolver) -> Server<'_> {
    let process: &Process = &resolver.process;
    Server {
        process,
        target: resolver.target(),
    }
}

/// The first of `servers` over the second.
fn compare(
    context: &Context,
    name: &str,
    servers: &[Server<'_>; 2],
    arguments: &[&str],
    (beside, (target, limit)): (&str, (&'static str, f64)),
) {
    let times = context.processor_time(servers, arguments);
    let ratio = times[0].over(&times[1]);
    let how = format!(
        "{} µs over {beside} {} µs a request; {}, both on one core in the same window",
        times[0].shown(1),
        times[1].shown(1),
        context.rounds_shown(),
    );
    let row = if target.is_empty() {
        Row::told(ratio.shown(2), how)
    } else {
        Row::at_most(target, limit, ratio.median(), ratio.shown(2), how)
    };
    table::print(name, &row);
}
