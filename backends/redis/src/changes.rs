//! Reports changes to a listener, including those of other programs.
//!
//! Redis pushes the name of each changed key of the store: `CLIENT TRACKING` in
//! broadcasting mode, over a connection of its own to every master. Pushes
//! arrive in order with replies, so the reply to a heartbeat shows that every
//! change before it has been reported. A heartbeat also checks that lookups are
//! answered by the servers that push, and that no databases were swapped, which
//! Redis does not push. The driver's client-side cache uses the same command.
//! It is not used here because it keeps answering while the server is silent,
//! and would be a second cache behind the listener's.

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
use crate::origin::Origin;
use crate::servers::Servers;
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

/// After this many failures in a row, watching does not work although lookups
/// do: by then, lookups would have noticed an outage.
const LASTING: u32 = 2;

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
                    "changes in Redis cannot be watched over a connection that the program shares; caches fall back to TTLs"
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

/// How often it has failed since it last worked for longer than a heartbeat.
#[derive(Default)]
struct Failures {
    count: u32,
    is_refusal: bool,
    /// Whether a refusal has been logged, and whether another failure has.
    logged: (bool, bool),
}

impl Watch {
    async fn run(&self) -> Infallible {
        let Context {
            server, notifier, ..
        } = &self.0;
        let mut failures = Failures::default();
        let mut current = server.current();
        loop {
            let Err(error) = self.watch_until_it_fails(&mut failures).await;
            let is_refusal = is_refusal(&error);
            if is_refusal {
                let connection = *current.borrow_and_update();
                notifier.unsupported(connection);
            } else {
                notifier.disconnected();
            }
            if is_refusal != failures.is_refusal {
                failures.is_refusal = is_refusal;
                failures.count = 0;
            }
            self.log(&error, &mut failures);
            if is_refusal {
                // Both an error and a change end the pause.
                let _ = timeout(REFUSED_PAUSE, current.changed()).await;
            } else {
                sleep(pause_after(failures.count).min(MAX_PAUSE)).await;
            }
            failures.count = failures.count.saturating_add(1);
        }
    }

    /// Warns of a refusal, and of failures that last while lookups work. Where
    /// lookups fail too, that is logged.
    fn log(&self, error: &StoreError, failures: &mut Failures) {
        let server = &self.0.server;
        let (origin, error) = (server.origin(), error.chain());
        let (logged, is_due) = if failures.is_refusal {
            (&mut failures.logged.0, true)
        } else {
            let is_lasting = failures.count >= LASTING && server.is_up();
            (&mut failures.logged.1, is_lasting)
        };
        let is_news = is_due && !std::mem::replace(logged, *logged || is_due);
        match (is_news, failures.is_refusal) {
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

    /// Resets `failures` once it has worked for longer than a heartbeat.
    async fn watch_until_it_fails(
        &self,
        failures: &mut Failures,
    ) -> Result<Infallible, StoreError> {
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
                if failures.logged != (false, false) {
                    tracing::info!("watching changes in Redis at {}", context.server.origin());
                }
                *failures = Failures::default();
            }
            is_watching = true;
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
