//! One PostgreSQL server for all rules: starting it takes longer than they do.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use sqlx::postgres::PgConnectOptions;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

struct Server {
    url: String,
    /// Ends when the process of the tests does, which is its parent.
    _script: Child,
}

impl Server {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/start-postgres");
        let mut script = Command::new(script)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "start-postgres has failed");
        Self {
            url: url.trim_end().to_owned(),
            _script: script,
        }
    }
}

pub(crate) fn options() -> PgConnectOptions {
    SERVER.url.parse().unwrap()
}

/// Connects to the server through a port that leads to its socket.
pub(crate) fn options_over(port: u16) -> PgConnectOptions {
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    url.parse().unwrap()
}

pub(crate) fn socket() -> PathBuf {
    let options = options();
    let folder = options.get_socket().unwrap();
    folder.join(format!(".s.PGSQL.{}", options.get_port()))
}
