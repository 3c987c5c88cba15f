use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::Sender;
use tokio::task::AbortHandle;

/// What lies between a client and a server, and mistreats what passes.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where new connections lead.
    server_port: AtomicU16,
    /// Connections of an earlier generation are black holes: what is sent is
    /// taken, acknowledged and dropped.
    generation: AtomicU64,
    connections: AtomicU64,
    /// The most bytes that are passed on at once; 0 for as many as there are.
    slice_bytes: AtomicU8,
    /// How long what is sent is under way, at least.
    delay_ms: AtomicU64,
    cut: Sender<bool>,
}

impl Proxy {
    pub(crate) async fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        shared.server_port.store(server_port, Ordering::SeqCst);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            port,
            shared,
            accepting: accepting.abort_handle(),
        }
    }

    /// Swallows whatever is sent over the connections that there are. New
    /// ones work.
    pub(crate) fn black_hole(&self) {
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Closes every connection, and each new one at once, until it is restored.
    pub(crate) fn cut(&self) {
        self.shared.cut.send_replace(true);
    }

    pub(crate) fn restore(&self) {
        self.shared.cut.send_replace(false);
    }

    /// New connections lead to another server; those that there are stay.
    pub(crate) fn point_at(&self, server_port: u16) {
        self.shared.server_port.store(server_port, Ordering::SeqCst);
    }

    /// Passes on one byte at a time.
    pub(crate) fn slice(&self) {
        self.shared.slice_bytes.store(1, Ordering::SeqCst);
    }

    /// Passes everything on so much later, in both directions.
    pub(crate) fn delay(&self, delay: Duration) {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap();
        self.shared.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *shared.cut.borrow() {
            continue;
        }
        let server_port = shared.server_port.load(Ordering::SeqCst);
        let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else {
            continue;
        };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let generation = shared.generation.load(Ordering::SeqCst);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let both = [(from_client, to_server), (from_server, to_client)];
        for (from, to) in both {
            let passing = pass(from, to, generation, Arc::clone(&shared));
            let mut cut = shared.cut.subscribe();
            tokio::spawn(async move {
                tokio::select! {
                    () = passing => {}
                    _ = cut.wait_for(|cut| *cut) => {}
                }
            });
        }
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    generation: u64,
    shared: Arc<Shared>,
) {
    let mut buffer = vec![0; 1 << 14];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if shared.generation.load(Ordering::SeqCst) > generation {
            continue;
        }
        let delay_ms = shared.delay_ms.load(Ordering::SeqCst);
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let slice_bytes = match shared.slice_bytes.load(Ordering::SeqCst) {
            0 => length,
            bytes => bytes.into(),
        };
        for slice in buffer.get(..length).unwrap_or_default().chunks(slice_bytes) {
            if to.write_all(slice).await.is_err() {
                return;
            }
            if slice_bytes < length {
                tokio::task::yield_now().await;
            }
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), to.shutdown()).await;
}
