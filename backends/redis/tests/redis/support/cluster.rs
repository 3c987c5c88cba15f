use std::process::{Command, Stdio};

use super::{Patience, Server};

/// Three masters, each with a replica.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..6 {
            nodes.push(
                Server::start_with(&[
                    "--cluster-enabled",
                    "yes",
                    "--cluster-node-timeout",
                    "1000",
                    "--appendonly",
                    "yes",
                ])
                .await,
            );
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
}
