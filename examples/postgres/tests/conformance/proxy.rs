//! [`Proxy`]: a connection to the server that can be cut.

use std::path::Path;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch::{Receiver, Sender};

pub(crate) struct Proxy {
    port: u16,
    is_cut: Sender<bool>,
}

impl Proxy {
    /// Forwards a free port to a socket, until the runtime ends.
    pub(crate) async fn start(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_cut, watch) = tokio::sync::watch::channel(false);
        let socket = socket.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(forward(client, server, watch.clone()));
            }
        });
        Self { port, is_cut }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Closes every connection, and every further one at once.
    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub(crate) fn restore(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn forward(mut client: TcpStream, mut server: UnixStream, mut watch: Receiver<bool>) {
    tokio::select! {
        _ = watch.wait_for(|is_cut| *is_cut) => {}
        _ = copy_bidirectional(&mut client, &mut server) => {}
    }
}
