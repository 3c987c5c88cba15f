//! What is measured, in groups that can be asked for by name.

mod footprint;
mod memory;
mod operators;
mod parse;
mod registry;
mod reload;
mod renewals;
mod resolve;
mod side_by_side;
mod whole_request;

use clap::builder::PossibleValuesParser;

use crate::context::{Context, Settings};
use crate::failure::{Result, While};
use crate::table::Table;
use crate::tools::{self, Tool};

/// Rows that are measured together.
struct Group {
    name: &'static str,
    measure: fn(&Context, &mut Table) -> Result,
    needs: Option<Tool>,
}

const GROUPS: [Group; 13] = [
    group("static", whole_request::static_file, None),
    group("sqlite", whole_request::sqlite, None),
    group("redis", whole_request::redis, Some(tools::REDIS)),
    group("resolve", resolve::all, None),
    group("scale", whole_request::scale, Some(tools::REDIS)),
    group("memory", memory::of_a_session, None),
    group("reload", reload::under_load, None),
    group("registry", registry::all, Some(tools::REDIS)),
    group("operators", operators::beside_gateways, None),
    group("parse", parse::all, None),
    group("log", whole_request::log, None),
    group("tls", whole_request::tls, None),
    group("footprint", footprint::all, Some(tools::STRIP)),
];

const fn group(
    name: &'static str,
    measure: fn(&Context, &mut Table) -> Result,
    needs: Option<Tool>,
) -> Group {
    Group {
        name,
        measure,
        needs,
    }
}

pub(crate) fn names() -> PossibleValuesParser {
    GROUPS.map(|group| group.name).into()
}

/// Measures the groups named in `wanted`, or all if there are none, and prints
/// the table. Returns whether every target is met.
pub(crate) fn measure(settings: Settings, wanted: &[String]) -> Result<bool> {
    let this_program = std::env::current_exe().while_doing("cannot find this program")?;
    let resolver = settings
        .resolver
        .clone()
        .unwrap_or_else(|| this_program.with_file_name("dcv-resolver"));
    let context = Context {
        settings,
        resolver,
        this_program,
    };
    let is_wanted =
        |group: &&Group| wanted.is_empty() || wanted.iter().any(|name| name == group.name);
    let mut needed = vec![("every measurement", tools::TASKSET)];
    for group in GROUPS.iter().filter(is_wanted) {
        needed.extend(group.needs.map(|tool| (group.name, tool)));
    }
    // Before anything is measured, which takes a while.
    tools::check(&context, &needed)?;
    let mut table = Table::begin();
    for group in GROUPS.iter().filter(is_wanted) {
        (group.measure)(&context, &mut table)?;
    }
    println!("\n{table}");
    Ok(!table.has_missed())
}
