use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dcv_resolver_test_support::port::free_port;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Patience;

/// A `redis-server` process with a temporary folder, which ends with this
/// value, or with the test process if that is first.
pub(crate) struct Server {
    pub(crate) port: u16,
    arguments: Vec<String>,
    is_tls: bool,
    process: Option<Process>,
    folder: TempDir,
}

struct Process {
    server: Child,
    /// Ends the server when its standard input is closed: a test process that
    /// is killed, or that keeps the server in a `static`, drops nothing.
    watchdog: Child,
}

impl Server {
    /// A server that keeps its data in memory only.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server that keeps what it has acknowledged through a `kill -9`.
    pub(crate) async fn start_durable() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let mut server = Self::prepare(arguments);
        server.launch().await;
        server
    }

    /// A server that is not running yet.
    pub(crate) fn prepare(arguments: &[&str]) -> Self {
        Self {
            port: free_port(),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            is_tls: false,
            process: None,
            folder: TempDir::new().unwrap(),
        }
    }

    /// For the next start.
    pub(crate) fn add_arguments(&mut self, arguments: &[&str]) {
        let arguments = arguments.iter().map(|&text| text.to_owned());
        self.arguments.extend(arguments);
    }

    /// Serves TLS only, from the next start on.
    pub(crate) fn use_tls(&mut self) {
        self.is_tls = true;
    }

    /// Starts the process, and waits until it serves.
    pub(crate) async fn launch(&mut self) {
        self.launch_process();
        let patience = Patience::until("the server answers");
        while !self.answers().await {
            patience.wait().await;
        }
        let process = self.process.as_mut().unwrap();
        let exit = process.server.try_wait().unwrap();
        assert!(exit.is_none(), "another server has the port: {exit:?}");
    }

    /// Starts the process.
    pub(crate) fn launch_process(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let port = self.port.to_string();
        let server = Command::new(program())
            .args(&self.arguments)
            .args(match self.is_tls {
                true => vec!["--port", "0", "--tls-port", &port],
                // A server that was built without TLS knows no other setting.
                false => vec!["--port", &port],
            })
            .args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .unwrap();
        let watchdog = Command::new("sh")
            .args(["-c", r#"cat >/dev/null; kill -9 "$0"; rm -rf "$1""#])
            .arg(server.id().to_string())
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(Process { server, watchdog });
    }

    async fn answers(&self) -> bool {
        let ping = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            if self.is_tls {
                // Without TLS this is as far as one gets.
                return Ok(b"+PONG".to_vec());
            }
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 64];
            let length = stream.read(&mut answer).await?;
            Ok::<_, std::io::Error>(answer.get(..length).unwrap_or_default().to_vec())
        };
        match timeout(Duration::from_secs(1), ping).await {
            Ok(Ok(answer)) => answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH"),
            _ => false,
        }
    }

    /// Whether it is still starting, or not running at all.
    pub(crate) async fn is_down(&self) -> bool {
        !self.answers().await
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.end();
        }
    }

    /// Freezes the process, as a stalled machine does.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().server.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A connection of the test's own.
    pub(crate) async fn admin(&self) -> MultiplexedConnection {
        redis::Client::open(self.url())
            .unwrap()
            .get_multiplexed_async_connection()
            .await
            .unwrap()
    }

    /// Whether it is a master, as far as it can be asked: a server that is
    /// demoted closes its connections.
    pub(crate) async fn is_master(&self) -> bool {
        let ask = async {
            let client = redis::Client::open(self.url())?;
            let mut connection = client.get_multiplexed_async_connection().await?;
            let role: Vec<redis::Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
            Ok::<_, redis::RedisError>(
                role.first() == Some(&redis::Value::BulkString(b"master".to_vec())),
            )
        };
        ask.await.unwrap_or(false)
    }

    /// Waits until a replica has everything that this master has.
    pub(crate) async fn replicated(&self) {
        let mut admin = self.admin().await;
        admin.set_response_timeout(Duration::from_secs(30));
        let mut command = redis::cmd("WAIT");
        command.arg(1).arg(20_000);
        let replicas: u32 = command.query_async(&mut admin).await.unwrap();
        assert!(replicas > 0, "no replica has caught up");
    }

    /// Closes the connections over which it pushes changes, or all others.
    pub(crate) async fn kill_connections(&self, watch: bool) {
        let clients: String = redis::from_redis_value(self.run("CLIENT LIST").await).unwrap();
        for client in clients.lines() {
            let is_tracking = client.contains(" flags=tB ");
            let is_normal = is_tracking || client.contains(" flags=N ");
            let is_own = client.contains(" cmd=client|list ");
            if is_tracking == watch && is_normal && !is_own {
                let id = client.strip_prefix("id=").unwrap().split(' ').next();
                // It may be gone by now.
                let kill = format!("CLIENT KILL ID {}", id.unwrap());
                self.run(&kill).await;
            }
        }
    }

    /// How many connections it has had.
    pub(crate) async fn connections(&self) -> u64 {
        let info: String = redis::from_redis_value(self.run("INFO stats").await).unwrap();
        let mut lines = info.lines();
        let total = lines.find_map(|line| line.strip_prefix("total_connections_received:"));
        total.unwrap().parse().unwrap()
    }

    /// Runs one command, in words.
    pub(crate) async fn run(&self, command: &str) -> redis::Value {
        let mut words = command.split_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.query_async(&mut self.admin().await).await.unwrap()
    }
}

/// The server to test with, such as one of another version, or of Valkey. Its
/// configuration and its replies must be those of `redis-server`.
fn program() -> String {
    std::env::var("DCV_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

impl Process {
    fn end(&mut self) {
        // The watchdog first: the server's process id is free once it is
        // waited for.
        for child in [&mut self.watchdog, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
