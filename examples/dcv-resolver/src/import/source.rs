//! Recognizes what a file to import is, by its content.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use dcv_resolver_core::SessionRecord;
use dcv_resolver_static_file::Format as SessionFileFormat;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{broker, dcv_server};
use crate::cli::ImportOptions;
use crate::failure::Failure;
use crate::output;
use crate::session_file;

/// The greatest size of a file, in bytes: the sessions that `list --json` prints
/// may be as many as those of a session file.
const MAX_BYTES: u64 = SessionFileFormat::Json.max_bytes();

/// The greatest size of what a DCV server or a broker prints, in bytes. While it
/// is read, it takes many times its size in memory. A page of a broker has a
/// thousand sessions at most, of a kilobyte each.
const MAX_PRINTED_BYTES: usize = 16 << 20;

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
enum Format {
    /// TOML, or the AWS sample's dictionary.
    SessionFile,
    /// What `list --json` prints.
    Records,
    /// What `dcv list-sessions --json` prints.
    DcvServer,
    /// What DescribeSessions of the Session Manager Broker answers.
    Broker,
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
        Format::DcvServer => {
            check_printed(path, &text)?;
            dcv_server::records(options, &text)
        }
        Format::Broker => {
            check_printed(path, &text)?;
            let sessions: Value = serde_json::from_slice(&text)
                .map_err(|error| Failure::negative(format!("{place}: {error}")))?;
            let servers = options.servers.as_deref().map(|servers| {
                let text = read_file(servers)?;
                check_printed(servers, &text)?;
                Ok::<_, Failure>((servers, text))
            });
            let sessions = broker::records(path, &sessions, servers.transpose()?)?;
            if sessions.is_one_page {
                output::warn(format_args!(
                    "{place} is one page of several, since it has a NextToken; import the others as well",
                ));
            }
            if !sessions.left_out.is_empty() {
                output::warn(format_args!(
                    "left out, because they are not READY: {}",
                    output::first_ids(&sessions.left_out),
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
        Format::Broker => (describe_sessions, false, true),
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

/// Reads a file without the byte order mark that Windows editors put before UTF-8.
fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = read_at_most(path)
        .map_err(|error| Failure::setup(format!("cannot read {}: {error}", path.display())))?;
    let mut text = read.ok_or_else(|| {
        Failure::setup(format!(
            "{} is larger than {} MiB, the limit for a file to import; divide it into several",
            path.display(),
            MAX_BYTES >> 20,
        ))
    })?;
    if text.starts_with("\u{feff}".as_bytes()) {
        text.drain(..3);
    }
    Ok(text)
}

/// Returns `None` if the file is larger than [`MAX_BYTES`]. It may be a pipe,
/// whose size shows at its end.
fn read_at_most(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > MAX_BYTES {
        return Ok(None);
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    Ok((text.len() as u64 <= MAX_BYTES).then_some(text))
}

fn check_printed(path: &Path, text: &[u8]) -> Result<(), Failure> {
    if text.len() <= MAX_PRINTED_BYTES {
        return Ok(());
    }
    Err(Failure::setup(format!(
        "{} is larger than {} MiB, the limit for the output of DCV programs; divide it into several files, such as one for each server or page",
        path.display(),
        MAX_PRINTED_BYTES >> 20,
    )))
}

/// Returns what a file is. Nothing of it is kept, since it may be large.
fn recognize(text: &[u8]) -> Format {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Sessions")]
        _sessions: Vec<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Record {
        host: Option<IgnoredAny>,
    }

    if text.trim_ascii_start().starts_with(b"[") {
        let records = serde_json::from_slice::<Vec<Record>>(text);
        if records.is_ok_and(|records| records.iter().any(|record| record.host.is_some())) {
            return Format::Records;
        }
        if serde_json::from_slice::<Vec<IgnoredAny>>(text).is_ok() {
            return Format::DcvServer;
        }
    } else if serde_json::from_slice::<Answer>(text).is_ok() {
        return Format::Broker;
    }
    // An error of a session file has its place.
    Format::SessionFile
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_recognized_by_its_content() {
        for (text, format) in [
            (r#"[{"id":"a","host":"h"},{"id":"b"}]"#, Format::Records),
            ("[]", Format::DcvServer),
            (r#"[{"id":"a"}]"#, Format::DcvServer),
            (r#"["host"]"#, Format::DcvServer),
            (r#"{"Sessions":[1],"NextToken":null}"#, Format::Broker),
            (r#"{"Sessions":{"Host":"h"}}"#, Format::SessionFile),
            ("{}", Format::SessionFile),
            ("[sessions.a]", Format::SessionFile),
            ("[[patterns]]", Format::SessionFile),
            ("", Format::SessionFile),
        ] {
            assert_eq!(recognize(text.as_bytes()), format, "{text}");
        }
    }
}
