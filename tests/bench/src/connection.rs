//! [`Connection`]: a connection that a client keeps alive.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::answer::Answer;
use crate::failure::{Result, While};

/// A connection on which one request follows the answer to another.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    answer: Answer,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            address,
            stream: connect(address)?,
            answer: Answer::new(),
        })
    }

    /// Replaces it after a failure.
    pub(crate) fn reopen(&mut self) -> Result {
        self.stream = connect(self.address)?;
        Ok(())
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> io::Result<&Answer> {
        self.stream.write_all(request)?;
        self.answer.clear();
        loop {
            let read = self.stream.read(self.answer.room())?;
            if self.answer.add(read).map_err(io::Error::other)? {
                return Ok(&self.answer);
            }
        }
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let connect = || {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        io::Result::Ok(stream)
    };
    connect().while_doing(format_args!("cannot connect to {address}"))
}
