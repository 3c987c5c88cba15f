//! A client that sends and reads raw bytes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for what should happen soon.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Client<S = TcpStream> {
    stream: S,
    /// Read, but not yet returned.
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Returns whether the server closes the connection after it.
    pub(crate) fn is_last(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(address))
            .await
            .expect("no connection in time")
            .unwrap();
        Self::over(stream)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends without waiting.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_now(&self, bytes: &[u8]) {
        assert_eq!(self.stream.try_write(bytes).unwrap(), bytes.len());
    }

    /// Returns whether something can be read within `patience`.
    pub(crate) async fn receives_within(&mut self, patience: Duration) -> bool {
        timeout(patience, self.stream.readable()).await.is_ok()
    }

    /// Sends `bytes` one at a time until the server closes the connection.
    pub(crate) async fn dribble(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if self.stream.write_all(&[*byte]).await.is_err() || self.receives_within(pause).await {
                return self.closed().await;
            }
        }
        panic!("all was sent, and the connection is still open");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]> + Send + Sync) {
        self.try_send(bytes).await.unwrap();
    }

    async fn try_send(&mut self, bytes: impl AsRef<[u8]> + Send + Sync) -> io::Result<()> {
        timeout(DEADLINE, async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await
        .expect("the bytes are not read in time")
    }

    /// Sends until the server closes the connection.
    pub(crate) async fn send_without_end(&mut self) {
        let chunk = [b'x'; 64 * 1024];
        let refused = timeout(DEADLINE, async {
            while self.stream.write_all(&chunk).await.is_ok() {}
        });
        refused.await.expect("the connection is still open");
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.try_get(path).await.unwrap()
    }

    /// Returns the answer, or how the connection ended without one.
    pub(crate) async fn try_get(&mut self, path: &str) -> io::Result<Answer> {
        self.try_send(format!(
            "GET {path} HTTP/1.1\r\nhost: server.example\r\n\r\n"
        ))
        .await?;
        self.try_answer().await
    }

    /// Returns the next answer, whose body has a `content-length` or none at all.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer().await.unwrap()
    }

    async fn try_answer(&mut self) -> io::Result<Answer> {
        let head = self.try_head().await?;
        let body = self.take(content_length(&head)).await?;
        Ok(Answer {
            status: status(&head),
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }

    /// Returns the head of the next answer.
    pub(crate) async fn head(&mut self) -> String {
        self.try_head().await.unwrap()
    }

    async fn try_head(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                return Ok(String::from_utf8(self.take(end + 4).await?).unwrap());
            }
            self.read().await?;
        }
    }

    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.read().await?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    async fn read(&mut self) -> io::Result<()> {
        let read = timeout(DEADLINE, self.stream.read_buf(&mut self.buffer))
            .await
            .expect("no answer in time")?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "closed before the end of an answer",
            ));
        }
        Ok(())
    }

    /// Waits until `count` bytes have been read, and drops them.
    pub(crate) async fn skip(&mut self, count: usize) {
        self.take(count).await.unwrap();
    }

    /// Waits until the server closes the connection without sending more.
    pub(crate) async fn closed(&mut self) {
        assert_eq!(self.buffer, b"", "something was left unread");
        let mut more = Vec::new();
        // A reset is a close too: the kernel sends it when the server has left
        // bytes unread.
        let end = timeout(DEADLINE, self.stream.read_to_end(&mut more)).await;
        let _reset = end.expect("the connection is still open");
        assert_eq!(more, b"");
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn content_length(head: &str) -> usize {
    let value = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    value.map_or(0, |value| value.parse().unwrap())
}
