//! [`Cluster`]: watches all masters of a cluster.
//!
//! A slot that moves from one master to another is not a gap, since both are
//! watched. But if its keys do not move with it, lookups change, so a slot with
//! a new master counts as a change of everything. If there are other masters
//! than before, connections are made to all of them again.

use std::collections::{BTreeMap, HashMap};

use dcv_resolver_core::{StoreError, StoreErrorKind};
use futures_util::future::try_join_all;
use redis::Value;

use super::context::Context;
use super::feed::Feed;
use crate::deadline::Deadline;
use crate::error::error;
use crate::masters::masters;
use crate::peer::Peer;
use crate::reply::parse;
use crate::supervisor::Idempotency;
use crate::topology::{Node, Topology};

/// The id of a node.
type Id = String;

pub(super) struct Cluster {
    feeds: Vec<(Id, Feed)>,
    view: View,
}

impl Cluster {
    /// Watches all masters that one of the nodes knows.
    pub(super) async fn connect(context: &Context) -> Result<Self, StoreError> {
        let deadline = context.server.deadline();
        let nodes = ask_any(context, "NODES", deadline).await?;
        let view = View::parse(&parse::<String>(nodes)?)?;
        let masters = masters(ask_any(context, "SLOTS", deadline).await?)?;
        let announced = masters
            .into_iter()
            .filter_map(|it| Some((it.id, it.announced?)));
        let addresses: HashMap<_, _> = announced.collect();
        let feeds = view.masters.iter().map(async |(id, master)| {
            let mut node = addresses.get(id).unwrap_or(&master.node).clone();
            if node.host.is_empty() {
                // It has never met another node, so it does not know its own host.
                node.host = first_host(&context.servers.topology);
            }
            Ok::<_, StoreError>((id.clone(), Feed::open(context, &Peer::Node(node)).await?))
        });
        Ok(Self {
            feeds: try_join_all(feeds).await?,
            view,
        })
    }

    /// Returns whether a slot has another master than at the last heartbeat.
    pub(super) async fn heartbeat(&mut self, context: &Context) -> Result<bool, StoreError> {
        let deadline = context.server.deadline();
        let command = cluster("NODES");
        let views = self
            .feeds
            .iter()
            .map(async |(_, feed)| View::parse(&feed.ask::<String>(&command, deadline).await?));
        let views = try_join_all(views).await?;
        let masters = self.feeds.iter().map(|(id, _)| id.as_str());
        let view = agreed(&views, masters).map_err(unavailable)?;
        self.check_lookups(context, view, deadline).await?;
        let is_other = view.slots() != self.view.slots();
        self.view = view.clone();
        Ok(is_other)
    }

    /// Checks that lookups are sent to these masters. A master that was
    /// replaced without knowing it would continue to serve them.
    async fn check_lookups(
        &self,
        context: &Context,
        view: &View,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        let connection = context.current();
        let command = cluster("MYID");
        let replies = view.masters.iter().filter_map(|(id, master)| {
            let slot = master.first_slot()?;
            Some((
                id,
                context
                    .server
                    .send(&command, Some(slot), Idempotency::Idempotent, deadline),
            ))
        });
        let replies = replies.map(async |(id, reply)| {
            let asked: Id = parse(reply.await?)?;
            Ok::<_, StoreError>(asked == *id)
        });
        if try_join_all(replies).await?.contains(&false) {
            context.server.abandon(connection).await;
            return Err(unavailable(
                "lookups are answered by another node than the one that pushes changes",
            ));
        }
        Ok(())
    }
}

/// Returns what all of `masters` see, which replied with `views`, or why changes
/// may go unreported.
fn agreed<'a>(
    views: &'a [View],
    masters: impl Iterator<Item = &'a str> + Clone,
) -> Result<&'a View, &'static str> {
    let view = views.first().ok_or("no master of the cluster has slots")?;
    let selves = views.iter().map(|view| view.myself.as_str());
    if !selves.eq(masters.clone()) {
        return Err("an address leads to another node of the cluster than before");
    }
    if views.iter().any(|other| other.slots() != view.slots()) {
        return Err("the nodes of the cluster do not agree on its masters");
    }
    if !view.masters.keys().map(String::as_str).eq(masters) {
        return Err("the cluster has other masters than before");
    }
    Ok(view)
}

/// What one node knows about the masters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    myself: Id,
    masters: BTreeMap<Id, Master>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Master {
    /// As the node that was asked knows it; its own host may be empty.
    node: Node,
    /// Ranges such as `0-5460`, and single slots.
    slots: Vec<String>,
}

impl Master {
    fn first_slot(&self) -> Option<u16> {
        self.slots.first()?.split('-').next()?.parse().ok()
    }
}

impl View {
    /// Returns which master serves which slots.
    fn slots(&self) -> Vec<(&Id, &[String])> {
        let masters = self.masters.iter();
        masters
            .map(|(id, master)| (id, master.slots.as_slice()))
            .collect()
    }

    /// Parses the reply to `CLUSTER NODES`.
    fn parse(text: &str) -> Result<Self, StoreError> {
        Self::parse_lines(text).ok_or_else(|| {
            error(StoreErrorKind::Other).with_source("unexpected reply to CLUSTER NODES")
        })
    }

    fn parse_lines(text: &str) -> Option<Self> {
        let mut myself = None;
        let mut masters = BTreeMap::new();
        for line in text.lines() {
            // Id, address, flags, master, ping, pong, epoch, link, slots.
            let mut words = line.split(' ');
            let (id, address, flags) = (words.next()?, words.next()?, words.next()?);
            let flags: Vec<_> = flags.split(',').collect();
            // One in brackets is moving, and still served by its old master.
            let slots: Vec<_> = words
                .skip(5)
                .filter(|slot| !slot.starts_with('['))
                .map(str::to_owned)
                .collect();
            if flags.contains(&"myself") {
                myself = Some(id.to_owned());
            }
            let is_gone = ["fail", "noaddr", "handshake"]
                .iter()
                .any(|flag| flags.contains(flag));
            // A master that has slots is waited for until it is back.
            if flags.contains(&"master") && !(is_gone && slots.is_empty()) {
                let node = parse_address(address)?;
                masters.insert(id.to_owned(), Master { node, slots });
            }
        }
        Some(Self {
            myself: myself?,
            masters,
        })
    }
}

/// Parses `host:port@port,name,…`.
fn parse_address(text: &str) -> Option<Node> {
    let (address, _) = text.split_once('@')?;
    let (host, port) = address.rsplit_once(':')?;
    Some(Node {
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
}

fn first_host(topology: &Topology) -> String {
    match topology {
        Topology::Cluster { seeds } => seeds.first().map(|seed| seed.host.clone()),
        Topology::Single(_) | Topology::Sentinel { .. } => None,
    }
    .unwrap_or_default()
}

async fn ask_any(
    context: &Context,
    subject: &str,
    deadline: Deadline,
) -> Result<Value, StoreError> {
    let command = cluster(subject);
    let reply = context
        .server
        .send(&command, None, Idempotency::Idempotent, deadline);
    Ok(reply.await?)
}

fn cluster(subject: &str) -> redis::Cmd {
    let mut command = redis::cmd("CLUSTER");
    command.arg(subject);
    command
}

fn unavailable(source: &'static str) -> StoreError {
    error(StoreErrorKind::Unavailable).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "\
        b1 127.0.0.1:7001@17001,cache.example myself,master - 0 1 2 connected 0-5460 5462 [93->-a2]\n\
        a2 ::1:7002@17002 master - 0 1 3 connected 5461 5463-16383\n\
        c3 :7003@17003 master,fail? - 0 1 0 connected\n\
        d4 192.0.2.4:7004@17004 slave b1 0 1 2 connected\n\
        e5 192.0.2.5:7005@17005 master,fail - 0 1 1 disconnected\n\
        f6 :0@0 master,noaddr - 0 1 1 disconnected\n\
        g7 192.0.2.7:7007@17007 handshake - 0 0 0 connected\n";

    fn master(host: &str, port: u16, slots: &[&str]) -> Master {
        Master {
            node: Node {
                host: host.to_owned(),
                port,
            },
            slots: slots.iter().map(|&slot| slot.to_owned()).collect(),
        }
    }

    #[test]
    fn masters_are_those_that_have_slots_or_may_get_some() {
        let view = View::parse(NODES).unwrap();
        let masters = [
            ("a2", master("::1", 7002, &["5461", "5463-16383"])),
            ("b1", master("127.0.0.1", 7001, &["0-5460", "5462"])),
            ("c3", master("", 7003, &[])),
        ];
        let masters = masters.map(|(id, master)| (id.to_owned(), master));
        assert_eq!(view.masters, BTreeMap::from(masters));
        assert_eq!(view.myself, "b1");
    }

    #[test]
    fn failed_master_with_slots_is_still_a_master() {
        let text = NODES.replace("1 disconnected\nf6", "1 disconnected 7\nf6");
        let view = View::parse(&text).unwrap();
        assert_eq!(view.masters["e5"].first_slot(), Some(7));
    }

    #[test]
    fn view_is_agreed_only_if_all_masters_see_the_same() {
        let seen_by = |node: &str, text: &str| View {
            myself: node.to_owned(),
            ..View::parse(text).unwrap()
        };
        let views = |text: &str| ["a2", "b1", "c3"].map(|node| seen_by(node, text));
        let all = ["a2", "b1", "c3"].into_iter();
        let views_now = views(NODES);
        assert_eq!(agreed(&views_now, all.clone()), Ok(&views_now[0]));

        // One sees that a slot has changed hands; one is another node.
        let mut differing = views(NODES);
        differing[1] = seen_by(
            "b1",
            &NODES
                .replace("5461 5463", "5463")
                .replace(" 5462", " 5461-5462"),
        );
        agreed(&differing, all.clone()).unwrap_err();
        let mut swapped = views(NODES);
        swapped.swap(0, 1);
        agreed(&swapped, all.clone()).unwrap_err();

        // All see the same, and it is not what is watched.
        let text = NODES.replace("slave b1", "master -");
        agreed(&views(&text), all.clone()).unwrap_err();
        let text = NODES.replace("myself,master - 0", "myself,slave d4 0");
        agreed(&views(&text), all).unwrap_err();
        agreed(&[], [].into_iter()).unwrap_err();
    }

    #[test]
    fn malformed_reply_is_an_error() {
        for text in ["", "b1", "b1 x myself,master -", "b1 h:x@1 master -"] {
            View::parse(text).unwrap_err();
        }
    }
}
