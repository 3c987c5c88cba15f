//! [`Master`]: a node of a cluster that has slots.

use dcv_resolver_core::StoreError;
use redis::{Cmd, Value};

use crate::reply::parse;
use crate::topology::Node;

/// A node of a cluster that has slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Master {
    pub(crate) id: String,
    /// One of the slots that it serves.
    pub(crate) slot: u16,
    /// The address that it announces to clients, which may be a name; `None` if
    /// it is the node that was asked, and does not know its own host.
    pub(crate) announced: Option<Node>,
}

/// Asks for what [`masters`] reads.
pub(crate) fn cluster_slots() -> Cmd {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    command
}

/// Returns the masters, in the order of their ids, from the reply to `CLUSTER
/// SLOTS`.
pub(crate) fn masters(reply: Value) -> Result<Vec<Master>, StoreError> {
    let ranges: Vec<Vec<Value>> = parse(reply)?;
    let mut masters = ranges
        .into_iter()
        .map(|range| {
            // First slot, last slot, master, replicas; a node is host, port, id,
            // and more.
            let mut range = range.into_iter();
            let slot = parse(range.next().unwrap_or(Value::Nil))?;
            let node: Vec<Value> = parse(range.nth(1).unwrap_or(Value::Nil))?;
            let mut node = node.into_iter();
            let mut next = || node.next().unwrap_or(Value::Nil);
            let host: Option<String> = parse(next())?;
            let port = parse(next())?;
            Ok(Master {
                id: parse(next())?,
                slot,
                announced: host
                    .filter(|host| !["", "?"].contains(&host.as_str()))
                    .map(|host| Node { host, port }),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    masters.sort_by(|a, b| (&a.id, a.slot).cmp(&(&b.id, b.slot)));
    masters.dedup_by(|a, b| a.id == b.id);
    Ok(masters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn range(slot: i64, host: Value, port: i64, id: &str) -> Value {
        let node = Value::Array(vec![host, Value::Int(port), text(id), Value::Nil]);
        Value::Array(vec![Value::Int(slot), Value::Int(slot), node])
    }

    #[test]
    fn masters_are_listed_once_with_the_host_that_they_announce() {
        let reply = Value::Array(vec![
            range(9, text("cache.example"), 7001, "b1"),
            range(3, text("cache.example"), 7001, "b1"),
            range(4, Value::Nil, 7002, "a2"),
            range(5, text("?"), 7003, "c3"),
            range(6, text(""), 7004, "d4"),
        ]);
        let expected = [
            ("a2", 4, None),
            ("b1", 3, Some(7001)),
            ("c3", 5, None),
            ("d4", 6, None),
        ];
        let expected = expected.map(|(id, slot, port)| Master {
            id: id.to_owned(),
            slot,
            announced: port.map(|port| Node {
                host: "cache.example".to_owned(),
                port,
            }),
        });
        assert_eq!(masters(reply).unwrap(), expected);
    }

    #[test]
    fn reply_of_another_form_is_an_error() {
        assert!(masters(Value::Array(vec![Value::Array(vec![])])).is_err());
        assert!(masters(Value::Int(1)).is_err());
    }
}
