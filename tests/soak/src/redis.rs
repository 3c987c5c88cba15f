//! [`Redis`]: a server of the run's own, which is killed and started again.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dcv_resolver_test_support::port::free_port;

use crate::failure::{Failure, Result, doing};

#[derive(Debug)]
pub(crate) struct Redis {
    folder: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Redis {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut redis = Self {
            folder: folder.to_owned(),
            address: (Ipv4Addr::LOCALHOST, free_port()).into(),
            child: None,
        };
        redis.resume()?;
        Ok(redis)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it as the kernel does when memory runs out.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails where the process has ended by itself.
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }

    /// Starts it with what it has written to disk.
    pub(crate) fn resume(&mut self) -> Result<()> {
        let port = self.address.port().to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(doing("cannot start redis-server"))?;
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if began.elapsed() > Duration::from_secs(60) {
                return Err(Failure::Other("redis-server does not listen".to_owned()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
