//! Reports changes to a listener, also those of other programs.
//!
//! Redis pushes the name of each changed key of the store: `CLIENT TRACKING` in
//! broadcasting mode, over a connection of its own to every master. Pushes come
//! in order with replies, so that the reply to a heartbeat shows that every
//! change before it has been reported. A heartbeat also checks that lookups are
//! answered by the servers that push, and that no databases were swapped, which
//! Redis does not push. The driver's client-side cache uses the same command.
//! It is not used here: it keeps answering while the server is silent, and it
//! would be a second cache behind the listener's.

mod cluster;
mod context;
mod feed;
mod notifier;
mod single;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{ChangeListener, StoreError, StoreErrorKind};
use futures_util::future::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::{MAX_PAUSE, pause_after};
use crate::config::Origin;
use crate::connect::Servers;
use crate::supervisor::Supervisor;
use crate::topology::Topology;

use cluster::Cluster;
use context::Context;
use notifier::ChangeNotifier;
use single::Single;

/// The pause between two heartbeats: a cache behind the listener serves what is
/// up to that old.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// The pause after a refusal, which rarely ends soon. A new connection of
/// lookups ends it early, since it may lead to another server.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// Reports changes to `listener` until the future is dropped. Over a given
/// connection it reports that it cannot, and ends.
pub(crate) fn watch_changes(
    server: Supervisor,
    key_prefix: String,
    listener: Arc<dyn ChangeListener>,
) -> impl Future<Output = ()> + Send + 'static {
    let notifier = Arc::new(ChangeNotifier::new(key_prefix, listener));
    let end = EndOnDrop(Arc::clone(&notifier));
    async move {
        let _end = end;
        let servers = match server.origin() {
            Origin::Servers(servers) => Servers::clone(servers),
            Origin::Given(_) => {
                tracing::warn!(
                    "changes in Redis cannot be watched over a given connection; caches fall back to TTLs"
                );
                notifier.unsupported(*server.current().borrow());
                return;
            }
        };
        let watch = Watch(Context {
            server,
            servers,
            notifier,
            check_now: Arc::new(Notify::new()),
        });
        watch.run().await;
    }
}

struct EndOnDrop(Arc<ChangeNotifier>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Watch(Context);

impl Watch {
    async fn run(&self) -> Infallible {
        let Context {
            server, notifier, ..
        } = &self.0;
        let mut attempts = 0;
        let mut refused = false;
        let mut current = server.current();
        loop {
            let Err(error) = self.watch_until_it_fails(&mut attempts).await;
            let is_refusal = is_refusal(&error);
            if is_refusal {
                let connection = *current.borrow_and_update();
                notifier.unsupported(connection);
            } else {
                notifier.disconnected();
            }
            self.log(&error, is_refusal, attempts == 0 || is_refusal != refused);
            refused = is_refusal;
            if is_refusal {
                // Both an error and a change end the pause.
                let _ = timeout(REFUSED_PAUSE, current.changed()).await;
            } else {
                sleep(pause_after(attempts).min(MAX_PAUSE)).await;
            }
            attempts = attempts.saturating_add(1);
        }
    }

    /// Warns of the first failure of its kind, and logs the others for debugging.
    fn log(&self, error: &StoreError, is_refusal: bool, is_first: bool) {
        let (origin, error) = (self.0.server.origin(), error.chain());
        match (is_first, is_refusal) {
            (true, true) => tracing::warn!(
                %error,
                "Redis at {origin} does not report changes; caches fall back to TTLs"
            ),
            (true, false) => {
                tracing::warn!(%error, "cannot watch changes in Redis at {origin}; retrying");
            }
            (false, _) => tracing::debug!(%error, "cannot watch changes in Redis at {origin}"),
        }
    }

    /// Sets `attempts` to zero once it has worked for longer than a heartbeat.
    async fn watch_until_it_fails(&self, attempts: &mut u32) -> Result<Infallible, StoreError> {
        let context = &self.0;
        let mut current = context.server.current();
        let mut masters = Masters::connect(context).await?;
        let mut is_watching = false;
        loop {
            let begun = Instant::now().into_std();
            let all_changed = masters.heartbeat(context).await?;
            if !is_watching || all_changed {
                context.notifier.all_changed();
            }
            context.notifier.caught_up(begun);
            if is_watching {
                *attempts = 0;
            } else {
                tracing::info!("watching changes in Redis at {}", context.server.origin());
                is_watching = true;
            }
            let check_now = pin!(context.check_now.notified());
            let replaced = pin!(current.changed());
            // An error means that the time is up.
            let _ = timeout(CHECK_EVERY, select(check_now, replaced)).await;
        }
    }
}

/// The masters that push changes.
enum Masters {
    Single(Single),
    Cluster(Cluster),
}

impl Masters {
    async fn connect(context: &Context) -> Result<Self, StoreError> {
        match context.servers.topology {
            Topology::Single(_) => Single::connect(context, false).await.map(Self::Single),
            Topology::Sentinel { .. } => Single::connect(context, true).await.map(Self::Single),
            Topology::Cluster { .. } => Cluster::connect(context).await.map(Self::Cluster),
        }
    }

    /// Returns whether any key may have changed that was not pushed. An error
    /// means that changes may go unreported.
    async fn heartbeat(&mut self, context: &Context) -> Result<bool, StoreError> {
        match self {
            Self::Single(single) => single.heartbeat(context).await,
            Self::Cluster(cluster) => cluster.heartbeat(context).await,
        }
    }
}

/// Whether the failure lasts until the server or the configuration is changed.
fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::AccessDenied
            | StoreErrorKind::Incompatible
            | StoreErrorKind::InvalidConfig
            | StoreErrorKind::Other
    )
}
