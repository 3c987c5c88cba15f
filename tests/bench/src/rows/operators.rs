//! Answers to gateways while operators ask for explanations and metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::figures::{Figures, grouped};
use crate::paced::{self, CONNECTIONS, PER_S};
use crate::resolver::{Resolver, Setup};
use crate::table::{Row, Table};

/// Whose near ids are searched for; every page of the listing is compared.
const SESSIONS: usize = 10_000;
/// As many as operators who do not wait for each other.
const LOOPS: usize = 8;

/// A page that operators ask for again and again.
struct Page {
    name: &'static str,
    path: &'static str,
}

const PAGES: [Page; 2] = [
    Page {
        name: "explanations beside gateways",
        // As long as a typed id may be: the longer, the slower.
        path: "/explain?sessionId=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    },
    Page {
        name: "metrics beside gateways",
        path: "/metrics",
    },
];

pub(super) fn beside_gateways(context: &Context, table: &mut Table) -> Result {
    let setup = Setup {
        sessions: SESSIONS,
        all_cores: true,
        ..Setup::default()
    };
    let resolver = Resolver::start(context, &setup)?;
    let window = Duration::from_secs_f64(context.settings.seconds);
    for page in PAGES {
        let (mut steady, mut during) = (Vec::new(), Vec::new());
        let mut failed = 0;
        let mut answered = 0;
        for _ in 0..context.settings.rounds {
            let wait = || {
                thread::sleep(window);
                Ok(())
            };
            let (without, ()) = paced::during(context, &resolver.target, wait)?;
            let load = || ask_for(&resolver, page.path, window);
            let (with, pages) = paced::during(context, &resolver.target, load)?;
            steady.push(ms(without.p99));
            during.push(ms(with.p99));
            failed += without.failed + with.failed;
            answered += pages;
        }
        if failed > 0 {
            return Err(Failure::new(format!(
                "{failed} requests of gateways failed"
            )));
        }
        let [steady, during] = [steady, during].map(Figures::from_iter);
        table.row(&Row {
            name: format!("{}, p99", page.name),
            limit: Some(2.0),
            figures: during.over(&steady),
            digits: 2,
            how: format!(
                "{} ms over {} ms without; {LOOPS} loops asked for {answered} pages about {} sessions; {PER_S} requests a second at set times over {CONNECTIONS} connections; server on all cores",
                during.shown(2),
                steady.shown(2),
                grouped(SESSIONS),
            ),
        });
    }
    Ok(())
}

/// Asks for `path` in loops for so long. Returns how many were answered with a
/// 200; a resolver may refuse some with a 503.
fn ask_for(resolver: &Resolver, path: &str, time: Duration) -> Result<u64> {
    let done = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    thread::scope(|scope| {
        let ask = || -> Result {
            while !done.load(Ordering::Relaxed) {
                let answer = resolver.page(path)?;
                if answer.starts_with("HTTP/1.1 200") {
                    answered.fetch_add(1, Ordering::Relaxed);
                } else if !answer.starts_with("HTTP/1.1 503") {
                    let status = answer.lines().next().unwrap_or_default();
                    return Err(Failure::new(format!("{path} was answered with {status}")));
                }
            }
            Ok(())
        };
        let loops: Vec<_> = (0..LOOPS).map(|_| scope.spawn(ask)).collect();
        thread::sleep(time);
        done.store(true, Ordering::Relaxed);
        loops
            .into_iter()
            .try_for_each(|running| match running.join() {
                Ok(ended) => ended,
                Err(_) => Err(Failure::new("a loop has panicked")),
            })
    })?;
    Ok(answered.into_inner())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
