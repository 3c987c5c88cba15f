//! Telling of changes, for whoever keeps copies of answers.
//!
//! Redis pushes the name of each key of the store that is changed, whoever
//! changes it: `CLIENT TRACKING` in broadcasting mode, over a connection of its
//! own to every master. What it pushes comes in order with its answers, so that
//! the answer to a heartbeat shows that every change before it has been told.
//! A heartbeat also finds out whether the servers that are listened to are
//! those that lookups ask, and whether databases were swapped, which Redis does
//! not push.
//!
//! The driver has a client-side cache on the same ground. It is not used: it
//! goes on answering while the server is silent, and would be a second cache
//! below the one that listens here.

mod cluster;
mod feed;
mod single;
mod teller;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{ChangeListener, StoreError, StoreErrorKind};
use futures_util::future::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::config::Origin;
use crate::connect::Servers;
use crate::supervisor::{MAX_PAUSE, Supervisor, pause_after};
use crate::topology::Topology;

use cluster::Cluster;
use single::Single;
use teller::Teller;

/// How often changes are confirmed. A cache behind the listener answers with
/// what is at least so old.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// A server that refuses to tell of changes hardly thinks better of it soon.
/// Another one, which a new connection may lead to, is asked at once.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

/// What it takes to hear of changes.
struct Context {
    server: Supervisor,
    servers: Servers,
    teller: Arc<Teller>,
    /// Wakes whoever waits for the next heartbeat.
    look: Arc<Notify>,
}

/// The masters that are listened to.
enum Masters {
    Single(Single),
    Cluster(Cluster),
}

/// Calls `listener` until the future is dropped; over a given connection it
/// says that it cannot, and ends.
pub(crate) fn watch_changes(
    server: Supervisor,
    key_prefix: String,
    listener: Arc<dyn ChangeListener>,
) -> impl Future<Output = ()> + Send + 'static {
    let teller = Arc::new(Teller::new(key_prefix, listener));
    let ending = EndWhenDropped(Arc::clone(&teller));
    async move {
        let _ending = ending;
        let servers = match server.origin() {
            Origin::Servers(servers) => Servers::clone(servers),
            Origin::Given(_) => {
                tracing::warn!(
                    "changes in Redis are not told of over a given connection; what is cached lives by its lifetime"
                );
                teller.untold(*server.current().borrow());
                return;
            }
        };
        let context = Context {
            server,
            servers,
            teller,
            look: Arc::new(Notify::new()),
        };
        context.tell().await;
    }
}

struct EndWhenDropped(Arc<Teller>);

impl Drop for EndWhenDropped {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Context {
    /// The number of the connection that lookups use.
    fn current(&self) -> u64 {
        *self.server.current().borrow()
    }

    async fn tell(&self) -> Infallible {
        let mut attempts = 0;
        let mut refused = false;
        let mut current = self.server.current();
        loop {
            let Err(error) = self.tell_while_it_works(&mut attempts).await;
            let is_refusal = is_refusal(&error);
            if is_refusal {
                let connection = *current.borrow_and_update();
                self.teller.untold(connection);
            } else {
                self.teller.lost();
            }
            self.warn(&error, is_refusal, attempts == 0 || is_refusal != refused);
            refused = is_refusal;
            if is_refusal {
                // An error means that it is time.
                let _ = timeout(REFUSED_PAUSE, current.changed()).await;
            } else {
                sleep(pause_after(attempts).min(MAX_PAUSE)).await;
            }
            attempts = attempts.saturating_add(1);
        }
    }

    fn warn(&self, error: &StoreError, is_refusal: bool, is_news: bool) {
        let (origin, error) = (self.server.origin(), error.chain());
        match (is_news, is_refusal) {
            (true, true) => tracing::warn!(
                %error,
                "Redis at {origin} does not tell of changes; what is cached lives by its lifetime"
            ),
            (true, false) => {
                tracing::warn!(%error, "changes in Redis at {origin} are not heard of; trying on");
            }
            (false, _) => tracing::debug!(%error, "changes in Redis at {origin} are not heard of"),
        }
    }

    /// Sets `attempts` to zero once it has worked for more than a moment.
    async fn tell_while_it_works(&self, attempts: &mut u32) -> Result<Infallible, StoreError> {
        let mut current = self.server.current();
        let mut masters = Masters::connect(self).await?;
        let mut is_telling = false;
        loop {
            let moment = Instant::now().into_std();
            let is_other = masters.beat(self).await?;
            if !is_telling || is_other {
                self.teller.all_changed();
            }
            self.teller.confirmed(moment);
            if is_telling {
                *attempts = 0;
            } else {
                tracing::info!("changes in Redis at {} are heard of", self.server.origin());
                is_telling = true;
            }
            let look = pin!(self.look.notified());
            let replaced = pin!(current.changed());
            // An error means that it is time.
            let _ = timeout(HEARTBEAT, select(look, replaced)).await;
        }
    }
}

impl Masters {
    async fn connect(context: &Context) -> Result<Self, StoreError> {
        match context.servers.topology {
            Topology::Single(_) => Single::connect(context, false).await.map(Self::Single),
            Topology::Sentinel { .. } => Single::connect(context, true).await.map(Self::Single),
            Topology::Cluster { .. } => Cluster::connect(context).await.map(Self::Cluster),
        }
    }

    /// Whether any key may have come or gone that was not pushed. An error
    /// means that changes may go untold.
    async fn beat(&mut self, context: &Context) -> Result<bool, StoreError> {
        match self {
            Self::Single(single) => single.beat(context).await,
            Self::Cluster(cluster) => cluster.beat(context).await,
        }
    }
}

/// Whether somebody has to change something before it works.
fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        StoreErrorKind::AccessDenied
            | StoreErrorKind::Incompatible
            | StoreErrorKind::InvalidConfig
            | StoreErrorKind::Other
    )
}
