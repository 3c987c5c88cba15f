//! What a measurement needs beyond cargo.

use std::process::{Command, Stdio};

use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::process::{self, on_core};

/// Runs a process on one core.
pub(crate) const TASKSET: Tool = Tool("taskset", "util-linux");
pub(crate) const REDIS: Tool = Tool("redis-server", "redis-server");
pub(crate) const STRIP: Tool = Tool("strip", "binutils");

/// A program, and the package of Debian that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool(&'static str, &'static str);

impl Tool {
    fn check(self, needed_by: &str) -> Result {
        let Self(program, package) = self;
        let mut command = Command::new(program);
        command.arg("--version");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        match command.stderr(Stdio::null()).status() {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::new(format!(
                "{program} is needed for {needed_by} and cannot be run ({error}); on Debian: apt-get install {package}"
            ))),
        }
    }
}

/// Fails where one of `tools` is missing, each with what needs it; where there
/// is no such core, or no resolver.
pub(crate) fn check(context: &Context, tools: &[(&str, Tool)]) -> Result {
    for (needed_by, tool) in tools {
        tool.check(needed_by)?;
    }
    let settings = &context.settings;
    for (core, option) in [
        (settings.server_core, "--server-core"),
        (settings.load_core, "--load-core"),
    ] {
        let mut command = on_core(core, &context.this_program);
        process::output(command.arg("--version")).map_err(|failure| {
            Failure::new(format!(
                "nothing can run on core {core} ({failure}); another is chosen with {option}"
            ))
        })?;
    }
    let mut command = Command::new(&context.resolver);
    process::output(command.arg("--version")).map_err(|failure| {
        Failure::new(format!(
            "there is no resolver to measure ({failure}); cargo build --release builds it"
        ))
    })?;
    Ok(())
}
