use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What a [`Scripted`] server does with a command.
pub(crate) enum Answer {
    /// Sends this, and a line end.
    Line(String),
    /// Closes the connection.
    Close,
    /// Leaves it unanswered.
    Silence,
    /// Has the server behind it answer.
    Pass,
}

/// A server, or a proxy in front of one, that answers some commands as a test
/// wants.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    connections: Arc<AtomicU64>,
    accepting: AbortHandle,
}

impl Scripted {
    /// Answers commands, in words, with `answer`; `server_port` is that of the
    /// server behind it, if there is one.
    pub(crate) async fn start(
        server_port: Option<u16>,
        answer: impl Fn(&[String]) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicU64::new(0));
        let (counted, answer) = (Arc::clone(&connections), Arc::new(answer));
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    // A client may go at any time.
                    let _ = serve(client, server_port, &*answer).await;
                });
            }
        });
        Self {
            port,
            connections,
            accepting: accepting.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    client: TcpStream,
    server_port: Option<u16>,
    answer: &(dyn Fn(&[String]) -> Answer + Send + Sync),
) -> std::io::Result<()> {
    let (from_client, mut to_client) = client.into_split();
    let mut from_client = BufReader::new(from_client);
    let mut server = match server_port {
        Some(port) => Some(TcpStream::connect(("127.0.0.1", port)).await?),
        None => None,
    };
    loop {
        let (raw, words) = command(&mut from_client).await?;
        match answer(&words) {
            Answer::Line(line) => {
                to_client
                    .write_all(format!("{line}\r\n").as_bytes())
                    .await?
            }
            Answer::Close => return Ok(()),
            Answer::Silence => {}
            Answer::Pass => {
                let server = server.as_mut().unwrap();
                server.write_all(&raw).await?;
                // Every reply that the tests pass on comes in one piece.
                let mut reply = vec![0; 1 << 16];
                let length = server.read(&mut reply).await?;
                to_client.write_all(&reply[..length]).await?;
            }
        }
    }
}

/// Reads a command, as bytes and as words.
async fn command(from: &mut BufReader<OwnedReadHalf>) -> std::io::Result<(Vec<u8>, Vec<String>)> {
    let mut raw = Vec::new();
    let count = length(from, &mut raw).await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = length(from, &mut raw).await?;
        let mut word = vec![0; length + 2];
        from.read_exact(&mut word).await?;
        raw.extend(&word);
        words.push(String::from_utf8_lossy(&word[..length]).into_owned());
    }
    Ok((raw, words))
}

/// Reads `*3` or `$3`.
async fn length(from: &mut BufReader<OwnedReadHalf>, raw: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).await?;
    raw.extend(&line);
    let number = String::from_utf8_lossy(&line)
        .trim()
        .get(1..)
        .map(str::parse);
    match number {
        Some(Ok(number)) => Ok(number),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}
