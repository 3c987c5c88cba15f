//! Answers to gateways while agents renew their leases.

use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::figures::{Figures, grouped};
use crate::paced;
use crate::renewals::{self, Asked, CONNECTIONS, LEASES, PER_S, Renewed};
use crate::resolver::{Resolver, Setup};
use crate::set_times::Answered;
use crate::store::Store;
use crate::table::{Row, Table};

pub(super) fn beside_gateways(
    context: &Context,
    table: &mut Table,
    backend: &str,
    store: Store,
) -> Result {
    let leases = LEASES.min(context.settings.many);
    let setup = Setup {
        store,
        sessions: leases,
        admin: true,
        all_cores: true,
        ..Setup::default()
    };
    let resolver = Resolver::start(context, &setup)?;
    let window = Duration::from_secs_f64(context.settings.seconds);
    let wait = || {
        thread::sleep(window);
        Ok(())
    };
    let agents = |asked| -> Result<(Answered, Renewed)> {
        let renew = || renewals::during(context, resolver.operators, leases, asked, wait);
        let (gateways, (renewed, ())) = paced::during(context, &resolver.target, renew)?;
        Ok((gateways, renewed))
    };
    let (mut without, mut with, mut control) = (Vec::new(), Vec::new(), Vec::new());
    let (mut renewals, mut lost, mut failed) = (0, 0, 0);
    let mut renewal = Vec::new();
    for _ in 0..context.settings.rounds {
        let (gateways, ()) = paced::during(context, &resolver.target, wait)?;
        failed += gateways.failed;
        without.push(gateways.p99_ms);

        let (gateways, renewed) = agents(Asked::Renewals)?;
        failed += gateways.failed;
        with.push(gateways.p99_ms);
        renewal.push(renewed.answered.p99_ms);
        renewals += renewed.answered.right;
        lost += renewed.answered.failed + renewed.lost;

        let (gateways, _) = agents(Asked::Livez)?;
        failed += gateways.failed;
        control.push(gateways.p99_ms);
    }
    if failed > 0 {
        return Err(Failure::new(format!(
            "{failed} requests of gateways failed"
        )));
    }
    let [without, with, control, renewal] =
        [without, with, control, renewal].map(Figures::from_iter);
    table.row(&Row {
        name: format!("{backend}, renewals beside gateways, p99"),
        limit: Some(2.0),
        figures: with.over(&without),
        digits: 2,
        how: format!(
            "{} ms over {} ms without; {} ms, {} ×, with as many requests for /livez instead; {PER_S} renewals a second of {} leases over {CONNECTIONS} connections, p99 {} ms, and {} requests of gateways, all at set times; server on all cores",
            with.shown(2),
            without.shown(2),
            control.shown(2),
            control.over(&without).shown(2),
            grouped(leases),
            renewal.shown(2),
            paced::PER_S,
        ),
    });
    table.row(&Row {
        name: format!("{backend}, renewals beside gateways, lost"),
        limit: Some(0.0),
        figures: (lost as f64).into(),
        digits: 0,
        how: format!(
            "of {renewals}; not answered with a 200, or the session does not expire when its last renewal said"
        ),
    });
    Ok(())
}
