//! The memory that a session of a file takes.

use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::failure::Result;
use crate::figures::{Figures, grouped};
use crate::resolver::{Resolver, Setup};
use crate::table::{Row, Table};

pub(super) fn of_a_session(context: &Context, table: &mut Table) -> Result {
    let many = context.settings.many;
    let resident = |sessions| {
        let setup = Setup {
            sessions,
            all_cores: true,
            ..Setup::default()
        };
        let resolver = Resolver::start(context, &setup)?;
        // What the start needed is freed by then.
        thread::sleep(Duration::from_secs(1));
        Ok(resolver.process.resident_bytes()? as f64)
    };
    let empty = resident(1)?;
    // They hardly differ, and take long.
    let starts = context.settings.rounds.min(3);
    let bytes: Result<Figures> = (0..starts)
        .map(|_| Ok((resident(many)? - empty) / many as f64))
        .collect();
    table.row(&Row {
        name: "memory of a session, bytes".to_owned(),
        limit: Some(250.0),
        figures: bytes?,
        digits: 0,
        how: format!(
            "VmRSS with {} sessions less that with one; {starts} starts",
            grouped(many)
        ),
    });
    Ok(())
}
