//! `Resolver::resolve`, with nothing around it.

use crate::context::Context;
use crate::failure::Result;
use crate::figures::Figures;
use crate::process;
use crate::table::{Row, Table};

pub(super) fn all(context: &Context, table: &mut Table) -> Result {
    let settings = &context.settings;
    let time = || -> Result<f64> {
        let mut command = process::on_core(settings.server_core, &context.this_program);
        command.args(["time-resolve", "--seconds"]);
        command.arg(settings.seconds.min(1.0).to_string());
        process::number(&process::output(&mut command)?)
    };
    let times: Result<Figures> = (0..settings.rounds).map(|_| time()).collect();
    table.row(&Row {
        name: "`Resolver::resolve`, ns".to_owned(),
        limit: Some(150.0),
        figures: times?,
        digits: 0,
        how: format!(
            "processor time over a session file of 1,000 sessions, asked for in turn; {} processes",
            settings.rounds
        ),
    });

    let counts = context.this_program.with_file_name("allocations");
    let count: f64 = process::number(&process::output(&mut process::on_core(
        settings.server_core,
        counts,
    ))?)?;
    table.row(&Row {
        name: "`Resolver::resolve`, allocations".to_owned(),
        limit: Some(2.0),
        figures: count.into(),
        digits: 3,
        how: "a hit; the store's boxed future and the answer may take one each".to_owned(),
    });
    Ok(())
}
