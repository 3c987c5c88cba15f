//! Recognizes what a file to import is, by its content.

use std::path::Path;

use dcv_resolver_core::SessionRecord;
use serde_json::Value;

use super::{broker, dcv_server};
use crate::cli::ImportOptions;
use crate::failure::Failure;
use crate::output;
use crate::session_file;

/// What a file is.
enum Format {
    /// TOML, or the AWS sample's dictionary.
    SessionFile,
    /// What `list --json` prints.
    Records,
    /// What `dcv list-sessions --json` prints.
    DcvServer,
    /// What DescribeSessions of the Session Manager Broker answers.
    Broker(Value),
}

/// Reads the sessions to import.
pub(super) fn read(options: &ImportOptions) -> Result<Vec<SessionRecord>, Failure> {
    let path = &options.file;
    let place = path.display();
    let text = read_file(path)?;
    if text.trim_ascii_start().starts_with(b"Session:") {
        return Err(Failure::negative(format!(
            "{place} is the output of `dcv list-sessions` for people; give that of `dcv list-sessions --json`"
        )));
    }
    let format = recognize(&text);
    refuse_unused(options, &format)?;
    match format {
        Format::SessionFile => session_file::sessions(path),
        Format::Records => records(path, &text),
        Format::DcvServer => dcv_server::records(options, &text),
        Format::Broker(sessions) => {
            let servers = options.servers.as_deref().map(|servers| {
                let text = read_file(servers)?;
                Ok::<_, Failure>((servers, text))
            });
            let sessions = broker::records(path, &sessions, servers.transpose()?)?;
            if !sessions.left_out.is_empty() {
                output::warn(format!(
                    "left out, because they are not READY: {:?}",
                    sessions.left_out
                ));
            }
            Ok(sessions.ready)
        }
    }
}

/// Refuses options that the format has no use for: the file is not the one that
/// was meant.
fn refuse_unused(options: &ImportOptions, format: &Format) -> Result<(), Failure> {
    let list_sessions = "the output of `dcv list-sessions --json`";
    let describe_sessions = "the output of DescribeSessions";
    let (found, is_of_server, is_of_broker) = match format {
        Format::SessionFile => ("a session file", false, false),
        Format::Records => ("the output of `list --json`", false, false),
        Format::DcvServer => (list_sessions, true, false),
        Format::Broker(_) => (describe_sessions, false, true),
    };
    let place = options.file.display();
    let refused = |option, expected| {
        Err(Failure::setup(format!(
            "{option} is only for {expected}, but {place} is {found}"
        )))
    };
    if options.host.is_some() && !is_of_server {
        return refused("--host", list_sessions);
    }
    if options.server.is_given() && !is_of_server {
        return refused("a port, a path or --dcv-config", list_sessions);
    }
    if options.servers.is_some() && !is_of_broker {
        return refused("--servers", describe_sessions);
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::setup(format!("cannot read {}: {error}", path.display())))
}

fn recognize(text: &[u8]) -> Format {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    match serde_json::from_slice(text) {
        Ok(Value::Array(items)) if items.iter().any(|item| item.get("host").is_some()) => {
            Format::Records
        }
        Ok(Value::Array(_)) => Format::DcvServer,
        Ok(object) if object.get("Sessions").is_some_and(Value::is_array) => Format::Broker(object),
        // An error of a session file has its place.
        _ => Format::SessionFile,
    }
}

fn records(path: &Path, text: &[u8]) -> Result<Vec<SessionRecord>, Failure> {
    serde_json::from_slice(text).map_err(|error| {
        Failure::negative(format!(
            "{}:{}:{}: expected records as `list --json` prints them: {error}",
            path.display(),
            error.line(),
            error.column(),
        ))
    })
}
