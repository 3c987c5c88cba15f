use std::ops::RangeInclusive;
use std::process::{Command, Stdio};
use std::time::Duration;

use dcv_resolver_core::SessionId;
use tokio::time::sleep;

use super::{Patience, Server};

/// Three masters, each with a replica.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::start_with_node_timeout(1_000).await
    }

    pub(crate) async fn start_with_node_timeout(timeout_ms: u32) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..6 {
            nodes.push(Self::start_node(timeout_ms).await);
        }
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let status = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let cluster = Self { nodes };
        let patience = Patience::until("every node sees a whole cluster");
        while !cluster.is_whole().await {
            patience.wait().await;
        }
        cluster
    }

    async fn start_node(timeout_ms: u32) -> Server {
        let timeout_ms = timeout_ms.to_string();
        let timeout = ["--cluster-node-timeout", &timeout_ms];
        Server::start_with(&[&["--cluster-enabled", "yes"], &timeout[..]].concat()).await
    }

    async fn is_whole(&self) -> bool {
        for node in &self.nodes {
            let info: String = redis::from_redis_value(node.run("CLUSTER INFO").await).unwrap();
            let slots: Vec<Vec<redis::Value>> =
                redis::from_redis_value(node.run("CLUSTER SLOTS").await).unwrap();
            // First slot, last slot, the master and its replica.
            if !info.contains("cluster_state:ok") || slots.iter().any(|range| range.len() != 4) {
                return false;
            }
        }
        true
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    async fn slot_of(&self, session: &SessionId) -> u16 {
        let command = format!("CLUSTER KEYSLOT dcv:session:{session}");
        value(self.running().await.run(&command).await)
    }

    /// The index of the master that has a session.
    pub(crate) async fn owner_of(&self, session: &SessionId) -> usize {
        self.owner(self.slot_of(session).await).await
    }

    /// Moves the slot of a session to another master, key by key.
    pub(crate) async fn move_slot_of(&self, session: &SessionId) {
        let masters = self.masters().await;
        let from = self.owner_of(session).await;
        let to = *masters.iter().find(|&&master| master != from).unwrap();
        self.move_slot_of_to(session, to).await;
    }

    /// Adds a master without slots, and returns its index.
    pub(crate) async fn add_master(&mut self) -> usize {
        let node = Self::start_node(1_000).await;
        let port = node.port;
        self.nodes.push(node);
        let first = &self.nodes[0];
        first.run(&format!("CLUSTER MEET 127.0.0.1 {port}")).await;
        let patience = Patience::until("every node knows the new one");
        let port = format!(":{port}@");
        for node in &self.nodes {
            loop {
                let nodes: String = value(node.run("CLUSTER NODES").await);
                let info: String = value(node.run("CLUSTER INFO").await);
                if nodes.contains(&port)
                    && nodes.lines().count() == self.nodes.len()
                    && !nodes.contains("handshake")
                    && info.contains("cluster_state:ok")
                {
                    break;
                }
                patience.wait().await;
            }
        }
        self.nodes.len() - 1
    }

    /// Has another master take the slot of a session, and none of its keys.
    pub(crate) async fn take_slot_of(&self, session: &SessionId) {
        let slot = self.slot_of(session).await;
        let masters = self.masters().await;
        let from = self.owner(slot).await;
        let to = *masters.iter().find(|&&master| master != from).unwrap();
        let (from_id, to_id) = (self.id(from).await, self.id(to).await);
        for step in [format!("IMPORTING {from_id}"), format!("NODE {to_id}")] {
            self.nodes[to]
                .run(&format!("CLUSTER SETSLOT {slot} {step}"))
                .await;
        }
    }

    /// Moves the slot of a session to that master, key by key.
    pub(crate) async fn move_slot_of_to(&self, session: &SessionId, to: usize) {
        let slot = self.slot_of(session).await;
        let from = self.owner(slot).await;
        let (from_id, to_id) = (self.id(from).await, self.id(to).await);
        let (owner, from, to) = (to, &self.nodes[from], &self.nodes[to]);
        to.run(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}"))
            .await;
        from.run(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}"))
            .await;
        let keys = from
            .run(&format!("CLUSTER GETKEYSINSLOT {slot} 1000"))
            .await;
        for key in value::<Vec<String>>(keys) {
            // Long enough for lookups of a slot that is on both sides.
            sleep(Duration::from_millis(20)).await;
            from.run(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.port))
                .await;
            sleep(Duration::from_millis(20)).await;
        }
        for node in [to, from] {
            node.run(&format!("CLUSTER SETSLOT {slot} NODE {to_id}"))
                .await;
        }
        // The other nodes learn of the new owner from these two.
        for node in &self.nodes {
            let patience = Patience::until("every node knows the new owner");
            while !node.is_down().await && self.owner_known_to(node, slot).await != owner {
                patience.wait().await;
            }
        }
    }

    /// The nodes that serve slots, as the first node that runs knows them.
    pub(crate) async fn masters(&self) -> Vec<usize> {
        let mut masters: Vec<_> = self
            .ranges()
            .await
            .into_iter()
            .map(|range| range.1)
            .collect();
        masters.sort_unstable();
        masters.dedup();
        masters
    }

    async fn owner(&self, slot: u16) -> usize {
        self.owner_known_to(self.running().await, slot).await
    }

    async fn owner_known_to(&self, node: &Server, slot: u16) -> usize {
        let ranges = self.ranges_of(node).await;
        let range = ranges.iter().find(|(slots, _)| slots.contains(&slot));
        range.unwrap().1
    }

    /// The slots, and the index of the node that serves them.
    async fn ranges(&self) -> Vec<(RangeInclusive<u16>, usize)> {
        self.ranges_of(self.running().await).await
    }

    /// The same, as `node` knows it.
    async fn ranges_of(&self, node: &Server) -> Vec<(RangeInclusive<u16>, usize)> {
        let ranges: Vec<Vec<redis::Value>> = value(node.run("CLUSTER SLOTS").await);
        ranges
            .into_iter()
            .map(|mut range| {
                let master: Vec<redis::Value> = value(range.remove(2));
                let port: u16 = value(master[1].clone());
                let index = self.nodes.iter().position(|node| node.port == port);
                (
                    value(range[0].clone())..=value(range[1].clone()),
                    index.unwrap(),
                )
            })
            .collect()
    }

    async fn id(&self, node: usize) -> String {
        value(self.nodes[node].run("CLUSTER MYID").await)
    }

    async fn running(&self) -> &Server {
        for node in &self.nodes {
            if !node.is_down().await {
                return node;
            }
        }
        panic!("no node is running");
    }

    pub(crate) async fn replicated(&self) {
        for master in self.masters().await {
            self.nodes[master].replicated().await;
        }
    }

    /// The index of a master that a replica can take the place of.
    pub(crate) async fn some_master_with_replica(&self) -> usize {
        let patience = Patience::until("a master has a replica");
        loop {
            for master in self.masters().await {
                let info: String = value(self.nodes[master].run("INFO replication").await);
                if info.contains("connected_slaves:1") {
                    return master;
                }
            }
            patience.wait().await;
        }
    }

    /// Waits until another node serves the slots of that one, and all nodes
    /// that run agree.
    pub(crate) async fn failed_over(&self, victim: usize) {
        let patience = Patience::until("the cluster has failed over");
        for node in &self.nodes {
            while !node.is_down().await {
                let info: String = value(node.run("CLUSTER INFO").await);
                let ranges: Vec<Vec<redis::Value>> = value(node.run("CLUSTER SLOTS").await);
                let is_served_by_victim = ranges.into_iter().any(|mut range| {
                    let master: Vec<redis::Value> = value(range.remove(2));
                    value::<u16>(master[1].clone()) == self.nodes[victim].port
                });
                if info.contains("cluster_state:ok") && !is_served_by_victim {
                    break;
                }
                patience.wait().await;
            }
        }
    }

    /// Announces another port of a node to clients.
    pub(crate) async fn announce(&self, node: usize, port: u16) {
        self.nodes[node]
            .run(&format!("CONFIG SET cluster-announce-port {port}"))
            .await;
        let patience = Patience::until("every node announces the port");
        let port = redis::Value::Int(port.into());
        for node in &self.nodes {
            loop {
                let ranges: Vec<Vec<redis::Value>> = value(node.run("CLUSTER SLOTS").await);
                let mut masters = ranges.into_iter().map(|mut range| range.remove(2));
                if masters.any(|master| value::<Vec<redis::Value>>(master)[1] == port) {
                    break;
                }
                patience.wait().await;
            }
        }
    }

    /// Whether that node knows that the cluster is down.
    pub(crate) async fn node_is_down(&self, node: usize) -> bool {
        let info: String = value(self.nodes[node].run("CLUSTER INFO").await);
        info.contains("cluster_state:fail")
    }
}

fn value<T: redis::FromRedisValue>(value: redis::Value) -> T {
    redis::from_redis_value(value).unwrap()
}
