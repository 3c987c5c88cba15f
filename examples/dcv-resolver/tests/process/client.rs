//! A blocking HTTP client that keeps its connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Nothing takes this long, not even on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A connection that is kept open for as long as the server likes.
pub(crate) struct Client(BufReader<TcpStream>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, as header names are compared.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request without a body and reads its answer.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<Answer> {
        self.send(line, "", "")?;
        self.read()
    }

    /// Sends a request: `METHOD target`, header lines, and a body.
    pub(crate) fn send(&mut self, line: &str, headers: &str, body: &str) -> io::Result<()> {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Reads one answer; an error where it is not whole.
    pub(crate) fn read(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let head = head.to_lowercase();
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer {
            status: status.ok_or(io::ErrorKind::InvalidData)?,
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the `reason` of a problem document.
    pub(crate) fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap().to_owned()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// One request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, line: &str) -> Answer {
    ask_with(address, line, "", "")
}

pub(crate) fn ask_with(address: SocketAddr, line: &str, headers: &str, body: &str) -> Answer {
    let mut client = Client::connect(address).unwrap();
    client.send(line, headers, body).unwrap();
    client.read().unwrap()
}
