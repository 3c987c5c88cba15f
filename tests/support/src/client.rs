//! [`Client`]: requests and answers as bytes, so that no library hides what is
//! on the wire.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long a test waits for something that should happen soon.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// An HTTP/1 connection for any number of requests.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    stream: S,
    /// Read, but not yet taken.
    buffer: Vec<u8>,
}

/// The answer to one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The status line and the headers, up to the empty line.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Returns whether the server closes the connection after this answer.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

/// Sends `request` on a connection of its own and returns everything that comes
/// back until the server closes it.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(address).await;
    client.send(request).await;
    let mut answer = Vec::new();
    timeout(DEADLINE, client.stream.read_to_end(&mut answer))
        .await
        .expect("the server neither answered nor closed the connection")
        .unwrap();
    answer
}

impl Client {
    /// Connects to `address`.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(address))
            .await
            .expect("no connection in time")
            .unwrap();
        Self::over(stream)
    }

    /// Connects to `address` from `source`, an address of this machine. On Linux
    /// these are all of 127.0.0.0/8.
    pub async fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let stream = timeout(DEADLINE, socket.connect(address)).await;
        Self::over(stream.expect("no connection in time").unwrap())
    }

    /// Closes the sending side.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Returns the address of this end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends without waiting.
    pub fn send_now(&self, bytes: &[u8]) {
        assert_eq!(self.stream.try_write(bytes).unwrap(), bytes.len());
    }

    /// Returns whether something can be read within `patience`.
    pub async fn is_readable_within(&mut self, patience: Duration) -> bool {
        timeout(patience, self.stream.readable()).await.is_ok()
    }

    /// Sends `bytes` one at a time until the server closes the connection.
    pub async fn dribble(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if self.stream.write_all(&[*byte]).await.is_err()
                || self.is_readable_within(pause).await
            {
                return self.closed().await;
            }
        }
        panic!("all was sent, and the connection is still open");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Client<S> {
    /// Uses a stream that is connected.
    pub const fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Returns the stream.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// Sends `bytes`.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]> + Send + Sync) {
        self.try_send(bytes).await.unwrap();
    }

    async fn try_send(&mut self, bytes: impl AsRef<[u8]> + Send + Sync) -> io::Result<()> {
        timeout(DEADLINE, async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await
        .expect("the other side does not read in time")
    }

    /// Sends until the other side closes the connection.
    pub async fn send_without_end(&mut self) {
        let chunk = [b'x'; 64 * 1024];
        let refused = timeout(DEADLINE, async {
            while self.stream.write_all(&chunk).await.is_ok() {}
        });
        refused.await.expect("the connection is still open");
    }

    /// Sends a GET and returns the answer.
    pub async fn get(&mut self, target: &str) -> Answer {
        self.try_get(target).await.unwrap()
    }

    /// Sends a POST without a body and returns the answer.
    pub async fn post(&mut self, target: &str) -> Answer {
        self.try_request("POST", target).await.unwrap()
    }

    /// Sends a GET and returns the answer.
    ///
    /// # Errors
    ///
    /// Returns how the connection ended without an answer.
    pub async fn try_get(&mut self, target: &str) -> io::Result<Answer> {
        self.try_request("GET", target).await
    }

    async fn try_request(&mut self, method: &str, target: &str) -> io::Result<Answer> {
        let request = format!("{method} {target} HTTP/1.1\r\nhost: resolver.example\r\n\r\n");
        self.try_send(request).await?;
        self.try_answer().await
    }

    /// Returns the next answer, whose body has a `content-length` or is empty.
    pub async fn answer(&mut self) -> Answer {
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
    pub async fn head(&mut self) -> String {
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

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.read().await?;
        }
        Ok(self.buffer.drain(..count).collect())
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
    pub async fn skip(&mut self, count: usize) {
        self.take(count).await.unwrap();
    }

    /// Waits until the server closes the connection without sending more.
    pub async fn closed(&mut self) {
        assert_eq!(self.buffer, b"", "something was left unread");
        let mut more = Vec::new();
        // A reset closes as well: the kernel sends one when the server had not
        // read everything.
        let end = timeout(DEADLINE, self.stream.read_to_end(&mut more)).await;
        let _reset = end.expect("the connection is still open");
        assert_eq!(more, b"");
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn content_length(head: &str) -> usize {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(0, |(_, value)| value.trim().parse().unwrap())
}
