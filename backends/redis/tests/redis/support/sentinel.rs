use std::collections::HashMap;

use super::{Patience, Server};

/// The name that the sentinels know the master by.
const SERVICE: &str = "mymaster";

/// A master, its replica, and three sentinels that watch over them.
pub(crate) struct Sentinels {
    pub(crate) servers: Vec<Server>,
    pub(crate) sentinels: Vec<Server>,
}

impl Sentinels {
    pub(crate) async fn start() -> Self {
        let master = Server::start().await;
        let replica =
            Server::start_with(&["--replicaof", "127.0.0.1", &master.port.to_string()]).await;
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Self::watch(&master).await);
        }
        let all = Self {
            servers: vec![master, replica],
            sentinels,
        };
        let patience = Patience::until("the sentinels know each other and the replica");
        while !all.know_each_other().await {
            patience.wait().await;
        }
        all
    }

    /// A sentinel that takes `master` for the master.
    pub(crate) async fn watch(master: &Server) -> Server {
        Self::watch_with(master, "").await
    }

    /// The same with more lines in its configuration.
    pub(crate) async fn watch_with(master: &Server, lines: &str) -> Server {
        let mut sentinel = Server::prepare(&["sentinel.conf", "--sentinel"]);
        let port = master.port;
        let configuration = format!(
            "sentinel monitor {SERVICE} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {SERVICE} 500\n\
             sentinel failover-timeout {SERVICE} 3000\n{lines}"
        );
        std::fs::write(sentinel.folder().join("sentinel.conf"), configuration).unwrap();
        sentinel.launch().await;
        sentinel
    }

    /// Has the sentinels ask for roles every 200 ms: a master that says it is a
    /// replica is replaced after two such periods, which are 20 s otherwise.
    pub(crate) async fn look_often(&self) {
        for sentinel in &self.sentinels {
            sentinel.run("SENTINEL DEBUG INFO-PERIOD 200").await;
        }
    }

    async fn know_each_other(&self) -> bool {
        for sentinel in &self.sentinels {
            let known = sentinel.run(&format!("SENTINEL MASTER {SERVICE}")).await;
            let known: HashMap<String, String> = redis::from_redis_value(known).unwrap();
            if known["num-other-sentinels"] != "2" || known["num-slaves"] != "1" {
                return false;
            }
        }
        true
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port))
            .collect();
        format!("redis+sentinel://{}/{SERVICE}", hosts.join(","))
    }

    /// The port of the master, as the first sentinel knows it.
    pub(crate) async fn master(&self) -> u16 {
        self.master_by(0).await
    }

    /// The port of the master, as that sentinel knows it.
    pub(crate) async fn master_by(&self, sentinel: usize) -> u16 {
        let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}");
        let address = self.sentinels[sentinel].run(&command).await;
        let (_host, port): (String, u16) = redis::from_redis_value(address).unwrap();
        port
    }

    pub(crate) fn server(&mut self, port: u16) -> &mut Server {
        let mut servers = self.servers.iter_mut();
        servers.find(|server| server.port == port).unwrap()
    }

    /// Whether the server of that port thinks that it is the master.
    pub(crate) async fn is_master(&self, port: u16) -> bool {
        let server = self.servers.iter().find(|server| server.port == port);
        server.unwrap().is_master().await
    }

    /// Waits until the replica has everything that the master has.
    pub(crate) async fn replicated(&self) {
        self.servers[0].replicated().await;
    }
}
