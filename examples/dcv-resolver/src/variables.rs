//! Environment variables as tools set them: empty ones, and values with the line
//! end of the file that they come from.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, Resettable, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::config::nearest;

/// What the names of all variables begin with.
const PREFIX: &str = "DCV_RESOLVER_";

/// Parses a value without the line end behind it.
#[derive(Debug, Clone)]
pub(crate) struct WithoutLineEnd<P>(P);

/// Returns a parser that drops a line end behind the value: a variable filled
/// from a file has one.
pub(crate) fn without_line_end<P: TypedValueParser>(parser: P) -> WithoutLineEnd<P> {
    WithoutLineEnd(parser)
}

impl<P: TypedValueParser> TypedValueParser for WithoutLineEnd<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, Error> {
        let value = value.to_str().map_or(value, |text| OsStr::new(trim(text)));
        self.0.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

fn trim(value: &str) -> &str {
    value.trim_end_matches(['\r', '\n'])
}

/// Returns the value of a variable, unless it is not set or empty.
pub(crate) fn value(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let value = trim(&value);
    (!value.is_empty()).then(|| value.to_owned())
}

/// Makes an empty variable count as one that is not set: Compose passes one for
/// each that is declared and has no value.
pub(crate) fn without_empty(command: Command) -> Command {
    let is_empty = |arg: &Arg| {
        let value = arg.get_env().and_then(|name| std::env::var(name).ok());
        value.is_some_and(|value| trim(&value).is_empty())
    };
    command
        .mut_args(|arg| {
            if is_empty(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty)
}

/// Returns the names of the variables that the arguments of a command read.
pub(crate) fn names(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(Arg::get_env);
    let own = own.filter_map(OsStr::to_str).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(names))
        .collect()
}

/// Returns a warning for each variable of ours that is set and not `known`.
pub(crate) fn unknown(known: &[String]) -> Vec<String> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    let unknown = variables.filter(|(name, value)| {
        name.starts_with(PREFIX) && !known.contains(name) && !is_service_link(name, value)
    });
    let mut warnings: Vec<_> = unknown
        .map(|(name, _)| {
            // The common part would make all names alike.
            let own = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
            match nearest(name.strip_prefix(PREFIX).unwrap_or_default(), own) {
                Some(near) => {
                    format!("{name} has no effect; did you mean {PREFIX}{near}?")
                }
                None => format!(
                    "{name} has no effect: there is no such variable; put the setting into the configuration file"
                ),
            }
        })
        .collect();
    warnings.sort();
    warnings
}

/// Returns whether Kubernetes sets a variable like this for a Service whose name
/// begins with `dcv-resolver`.
///
/// Source: Kubernetes documentation, "Service", "Environment variables".
fn is_service_link(name: &str, value: &str) -> bool {
    let is_port = |(_, rest): (&str, &str)| rest.starts_with(|c: char| c.is_ascii_digit());
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.split_once("_PORT_").is_some_and(is_port)
        || (name.ends_with("_PORT") && value.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_recognised() {
        for (name, value) in [
            ("DCV_RESOLVER_SERVICE_HOST", "192.0.2.7"),
            ("DCV_RESOLVER_SERVICE_PORT", "9000"),
            ("DCV_RESOLVER_SERVICE_PORT_RESOLVER", "9000"),
            ("DCV_RESOLVER_PORT", "tcp://192.0.2.7:9000"),
            ("DCV_RESOLVER_PORT_9000_TCP", "tcp://192.0.2.7:9000"),
            ("DCV_RESOLVER_PORT_9000_TCP_PROTO", "tcp"),
            ("DCV_RESOLVER_OPS_SERVICE_HOST", "192.0.2.7"),
            ("DCV_RESOLVER_OPS_PORT_9001_TCP_ADDR", "192.0.2.7"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for (name, value) in [
            ("DCV_RESOLVER_PORT", "9000"),
            ("DCV_RESOLVER_OPS_LISTN", "127.0.0.1:9001"),
        ] {
            assert!(!is_service_link(name, value), "{name}");
        }
    }
}
