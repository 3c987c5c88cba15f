//! [`of`]: the message of an invalid command line.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Returns what is wrong, in one line.
pub(super) fn of(error: &clap::Error) -> String {
    one_line(&with_variable(error))
}

/// Returns the message of clap, with the name of the environment variable if
/// the value comes from there.
fn with_variable(error: &clap::Error) -> String {
    let message = error.to_string();
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return message;
    };
    let flag = argument.split(' ').next().unwrap_or_default();
    let given = |text: OsString| text.to_string_lossy().starts_with(flag);
    match flag.strip_prefix("--") {
        Some(name)
            if error.kind() != ErrorKind::MissingRequiredArgument
                && !std::env::args_os().any(given) =>
        {
            let name = name.to_uppercase().replace('-', "_");
            message.replace(argument, &format!("DCV_RESOLVER_{name}"))
        }
        _ => message,
    }
}

/// Returns a message without the usage that clap appends, in one line.
fn one_line(message: &str) -> String {
    let message = message.trim_start_matches("error: ");
    let problem = message.split("\n\nUsage:").next().unwrap_or(message);
    let problem = problem
        .split("\n\nFor more information")
        .next()
        .unwrap_or(problem);
    let paragraphs = problem
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let sentences: Vec<_> = paragraphs.collect();
    format!("{}; try --help", sentences.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn invalid_argument_is_reported_in_one_line() {
        for (arguments, expected) in [
            (
                vec!["list"],
                "the following required arguments were not provided: --store <URL>; try --help",
            ),
            (
                vec!["resolve", "", "--store", "file:a.toml"],
                "invalid value '' for '<SESSION>': a session id must not be empty; try --help",
            ),
            (
                vec!["serve", "--store", "file:a.toml", "--time-budget-ms", "0"],
                "invalid value '0' for '--time-budget-ms <MS>': expected a whole number from 1 to 60000; try --help",
            ),
        ] {
            let error =
                Cli::try_parse_from([&["dcv-resolver"], &arguments[..]].concat()).unwrap_err();
            assert_eq!(one_line(&error.to_string()), expected);
        }
    }
}
