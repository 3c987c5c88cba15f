//! What the process takes while nothing is asked.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::failure::{Result, While};
use crate::figures::Figures;
use crate::process;
use crate::resolver::{Resolver, Setup};
use crate::table::{Row, Table};

const MB: f64 = 1e6;

pub(super) fn all(context: &Context, table: &mut Table) -> Result {
    let starts = context.settings.rounds;
    let (mut idle_mb, mut first_answer_ms) = (Vec::new(), Vec::new());
    for _ in 0..starts {
        let resolver = Resolver::start(context, &Setup::default())?;
        first_answer_ms.push(resolver.first_answer.as_secs_f64() * 1_000.0);
        // What the start needed is freed by then.
        thread::sleep(Duration::from_secs(1));
        idle_mb.push(resolver.process.resident_bytes()? as f64 / MB);
    }
    let starts = format!("{starts} starts, 1,000 sessions in a file");
    for (name, limit, figures, how) in [
        (
            "idle memory, MB",
            15.0,
            idle_mb,
            "VmRSS a second after the start",
        ),
        (
            "cold start to first answer, ms",
            50.0,
            first_answer_ms,
            "from fork to the first 200, asked every 0.5 ms",
        ),
    ] {
        table.row(&Row {
            name: name.to_owned(),
            limit: Some(limit),
            figures: Figures::from_iter(figures),
            digits: 1,
            how: format!("{how}; {starts}"),
        });
    }
    size(context, table)
}

fn size(context: &Context, table: &mut Table) -> Result {
    let folder = tempfile::tempdir().while_doing("cannot make a folder")?;
    let stripped = folder.path().join("stripped");
    let mut command = Command::new("strip");
    process::output(command.arg("-o").arg(&stripped).arg(&context.resolver))?;
    let metadata = fs::metadata(stripped).while_doing("strip has left nothing")?;
    table.row(&Row {
        name: "stripped binary, MB".to_owned(),
        limit: Some(20.0),
        figures: (metadata.len() as f64 / MB).into(),
        digits: 1,
        how: "`strip`".to_owned(),
    });
    Ok(())
}
