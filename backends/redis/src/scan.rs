//! Scans all keys of the store, page by page.
//!
//! `SCAN` returns every key of a server that exists throughout the scan. On a
//! cluster the masters are scanned one after the other, in the order of their
//! ids. A page token names the master, the run id of its process and the cursor:
//! to another process, with a hash seed of its own, the cursor means other keys.

use std::num::NonZeroUsize;

use dcv_resolver_core::{ListError, PageToken, StoreError, StoreErrorKind};

use crate::deadline::Deadline;
use crate::error::error;
use crate::masters::{cluster_slots, masters};
use crate::reply::parse;
use crate::supervisor::{Idempotency, Supervisor};

/// The default of Redis: fewer keys per call save nothing.
const MIN_COUNT: usize = 10;
/// More would delay other clients of the server.
const MAX_COUNT: usize = 1_000;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The id of a cluster's master; `None` on a single server.
    node: Option<String>,
    start: Start,
}

/// Where the next page begins on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Start {
    Beginning,
    /// Valid for that run of the server's process only.
    Cursor {
        run_id: String,
        cursor: u64,
    },
}

#[derive(Debug, thiserror::Error)]
enum InvalidPosition {
    #[error("it was not made by this store")]
    NotOurs,
    #[error("the cluster has changed since the previous page")]
    NodeGone,
    #[error("the server has been restarted or replaced since the previous page")]
    OtherRun,
}

impl Position {
    pub(crate) fn parse(token: &PageToken) -> Result<Self, ListError> {
        let parse = || {
            let rest = token.as_str().strip_prefix("scan:")?;
            let [node, run_id, cursor] =
                <[&str; 3]>::try_from(rest.split(':').collect::<Vec<_>>()).ok()?;
            let cursor = cursor.parse().ok()?;
            Some(Self {
                node: (!node.is_empty()).then(|| node.to_owned()),
                start: match (run_id, cursor) {
                    ("", 0) => Start::Beginning,
                    ("", _) | (_, 0) => return None,
                    _ => Start::Cursor {
                        run_id: run_id.to_owned(),
                        cursor,
                    },
                },
            })
        };
        parse().ok_or_else(|| ListError::invalid_page_token(InvalidPosition::NotOurs))
    }

    pub(crate) fn token(&self) -> PageToken {
        let node = self.node.as_deref().unwrap_or_default();
        PageToken::new(match &self.start {
            Start::Beginning => format!("scan:{node}::0"),
            Start::Cursor { run_id, cursor } => format!("scan:{node}:{run_id}:{cursor}"),
        })
    }
}

/// Returns keys that begin with `prefix`, from `position` or from the start, and
/// where the next page begins.
pub(crate) async fn scan(
    server: &Supervisor,
    prefix: &str,
    position: Option<Position>,
    limit: NonZeroUsize,
    deadline: Deadline,
) -> Result<(Vec<String>, Option<Position>), ListError> {
    let servers = servers(server, deadline).await?;
    let (index, start) = match position {
        None => (0, Start::Beginning),
        Some(position) => {
            let index = servers
                .iter()
                .position(|server| server.node == position.node)
                .ok_or_else(|| {
                    ListError::invalid_page_token(match position.node {
                        Some(_) => InvalidPosition::NodeGone,
                        None => InvalidPosition::NotOurs,
                    })
                })?;
            (index, position.start)
        }
    };
    let master = servers.get(index).ok_or_else(|| {
        error(StoreErrorKind::Unavailable).with_source("no master of the cluster has slots")
    })?;
    let (run, cursor) = match start {
        Start::Beginning => (server.run_id(master.slot, deadline).await?, 0),
        Start::Cursor { run_id, cursor } => (run_id, cursor),
    };

    let mut command = redis::cmd("SCAN");
    command
        .arg(cursor)
        .arg("MATCH")
        .arg(format!("{}*", escape_glob(prefix)))
        .arg("COUNT")
        .arg(limit.get().clamp(MIN_COUNT, MAX_COUNT));
    let reply = server
        .send(&command, master.slot, Idempotency::Idempotent, deadline)
        .await
        .map_err(StoreError::from)?;
    let (next_cursor, keys): (u64, Vec<Vec<u8>>) = parse(reply)?;
    // Ids and the prefix are UTF-8: any other key is not the store's.
    let keys = keys
        .into_iter()
        .filter_map(|key| String::from_utf8(key).ok())
        .collect();
    // Checked after the scan: a process that ended does not come back.
    if cursor != 0 && server.run_id(master.slot, deadline).await? != run {
        return Err(ListError::invalid_page_token(InvalidPosition::OtherRun));
    }
    let next = if next_cursor != 0 {
        Some(Position {
            node: master.node.clone(),
            start: Start::Cursor {
                run_id: run,
                cursor: next_cursor,
            },
        })
    } else {
        servers.get(index + 1).map(|master| Position {
            node: master.node.clone(),
            start: Start::Beginning,
        })
    };
    Ok((keys, next))
}

/// A server that holds keys.
struct Server {
    /// The id of a cluster's master; `None` for a single server.
    node: Option<String>,
    /// One of the slots that it serves.
    slot: Option<u16>,
}

async fn servers(server: &Supervisor, deadline: Deadline) -> Result<Vec<Server>, StoreError> {
    if !server.is_cluster(deadline).await? {
        return Ok(vec![Server {
            node: None,
            slot: None,
        }]);
    }
    let reply = server
        .send(&cluster_slots(), None, Idempotency::Idempotent, deadline)
        .await?;
    let masters = masters(reply)?.into_iter();
    Ok(masters
        .map(|master| Server {
            node: Some(master.id),
            slot: Some(master.slot),
        })
        .collect())
}

/// Returns a pattern that only `text` matches.
fn escape_glob(text: &str) -> String {
    text.chars()
        .flat_map(|c| [r"*?[]\".contains(c).then_some('\\'), Some(c)])
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_token_keeps_its_position() {
        let in_the_middle = Start::Cursor {
            run_id: "9e1b".to_owned(),
            cursor: u64::MAX,
        };
        for node in [None, Some("07c37df".to_owned())] {
            for start in [Start::Beginning, in_the_middle.clone()] {
                let node = node.clone();
                let position = Position { node, start };
                assert_eq!(Position::parse(&position.token()).unwrap(), position);
            }
        }
    }

    #[test]
    fn foreign_page_token_is_invalid() {
        for text in [
            "",
            "console",
            "17",
            "scan:",
            "scan:0",
            "scan:a:0",
            "scan:::",
            "scan:::-1",
            "scan:::7",
            "scan::b:0",
            "scan::b:7:",
        ] {
            let error = Position::parse(&PageToken::new(text)).unwrap_err();
            assert!(
                matches!(error, ListError::InvalidPageToken { .. }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn prefix_is_escaped_in_patterns() {
        assert_eq!(escape_glob(r"a*b?[c]\d:"), r"a\*b\?\[c\]\\d:");
    }
}
