//! [`Connection`]: an HTTP/1.1 client as small as the run needs, so that it
//! costs the resolver's machine little.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any time budget of the resolver.
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    /// `None` after an error, or when the server has closed it.
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: Vec::new(),
        }
    }

    /// Sends a request on a connection that is kept alive. It is sent again on a
    /// new one if the server has closed it meanwhile, without a byte of a
    /// response.
    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<Response> {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let was_open = self.stream.is_some();
        match self.exchange(request.as_bytes()) {
            Err(error)
                if was_open
                    && self.buffer.is_empty()
                    && error.kind() != io::ErrorKind::WouldBlock =>
            {
                self.exchange(request.as_bytes())
            }
            result => result,
        }
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        self.buffer.clear();
        stream.write_all(request)?;
        let mut piece = [0; 8192];
        loop {
            let read = stream.read(&mut piece)?;
            self.buffer
                .extend_from_slice(piece.get(..read).unwrap_or_default());
            if let Some(response) = parse(&self.buffer) {
                if response.header("connection") != Some("close") {
                    self.stream = Some(stream);
                }
                return Ok(response);
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Returns the response if `bytes` hold a whole one.
fn parse(bytes: &[u8]) -> Option<Response> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(bytes.get(..head_end)?).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let response = Response {
        status,
        head,
        body: String::new(),
    };
    let length: usize = match response.header("content-length") {
        Some(length) => length.parse().ok()?,
        None => 0,
    };
    let body = bytes.get(head_end + 4..)?;
    (body.len() >= length).then(|| Response {
        body: String::from_utf8_lossy(body).into_owned(),
        ..response
    })
}
