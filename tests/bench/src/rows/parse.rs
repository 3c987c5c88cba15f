//! A large session file, read.

use crate::context::Context;
use crate::failure::{Result, While};
use crate::figures::{Figures, grouped};
use crate::file;
use crate::parse::By;
use crate::process;
use crate::table::{Row, Table};

pub(super) fn all(context: &Context, table: &mut Table) -> Result {
    let many = context.settings.many;
    let folder = tempfile::tempdir().while_doing("cannot make a folder")?;
    let path = folder.path().join("sessions.json");
    file::write(&path, dcv_resolver_bench::sessions::json(many))?;
    let ms = |by: By| -> Result<f64> {
        let mut command = process::on_core(context.settings.server_core, &context.this_program);
        command.args(["read-file", by.as_str()]).arg(&path);
        process::number(&process::output(&mut command)?)
    };
    let rounds = context.settings.rounds;
    let (mut store, mut value, mut structs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        store.push(ms(By::Store)?);
        value.push(ms(By::Value)?);
        structs.push(ms(By::Structs)?);
    }
    let [store, value, structs] = [store, value, structs].map(Figures::from_iter);
    for (into, beside, limit) in [
        ("a `Value`", value, Some(1.3)),
        ("a map of plain structs", structs, None),
    ] {
        table.row(&Row {
            name: format!("parse of {} sessions, beside {into}", grouped(many)),
            limit,
            figures: store.over(&beside),
            digits: 2,
            how: format!(
                "{} ms over serde_json into {into} {} ms; {rounds} rounds in turn, each a process",
                store.shown(0),
                beside.shown(0),
            ),
        });
    }
    Ok(())
}
