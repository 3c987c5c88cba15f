//! Requests and answers as bytes: no client library tidies them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// No answer takes this long.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Sends `request` on a connection of its own and returns all that comes back
/// until the server closes it.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    tokio::time::timeout(DEADLINE, exchange)
        .await
        .expect("the server neither answered nor closed the connection")
}

/// A connection that is kept for many requests.
#[derive(Debug)]
pub struct KeptConnection {
    stream: BufReader<TcpStream>,
}

/// The answer to one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl KeptConnection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        Self {
            stream: BufReader::new(TcpStream::connect(address).await.unwrap()),
        }
    }

    /// Sends one request and reads the answer.
    pub async fn post(&mut self, target: &str) -> Answer {
        let request = format!("POST {target} HTTP/1.1\r\nhost: resolver.example\r\n\r\n");
        tokio::time::timeout(DEADLINE, async {
            self.stream.write_all(request.as_bytes()).await.unwrap();
            self.answer().await
        })
        .await
        .expect("the server did not answer")
    }

    async fn answer(&mut self) -> Answer {
        let mut status = None;
        let mut length_bytes = 0;
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).await.unwrap();
            assert_ne!(read, 0, "the server closed the connection");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            } else if let Some(length) = line.strip_prefix("content-length: ") {
                length_bytes = length.parse().unwrap();
            } else if status.is_none() {
                status = line.split(' ').nth(1).map(|status| status.parse().unwrap());
            }
        }
        let mut body = vec![0; length_bytes];
        self.stream.read_exact(&mut body).await.unwrap();
        Answer {
            status: status.unwrap(),
            body: String::from_utf8(body).unwrap(),
        }
    }
}
