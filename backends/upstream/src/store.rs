//! [`UpstreamStore`]: another resolver as a store.

use std::fmt;

use dcv_resolver_client::{Answer, HttpClient, ResolverClient};
use dcv_resolver_core::{
    ResolveRequest, SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind, Transport,
    async_trait,
};
use tokio::sync::Semaphore;

use crate::combine::combine;
use crate::config::UpstreamConfig;
use crate::failure::{BACKEND, of_resolve};

/// How many lookups are sent at the same time, so that a burst opens a limited
/// number of connections: twice as many. Other lookups wait, within the time
/// budget of their callers. This is enough for thousands of lookups per second.
const MAX_LOOKUPS_IN_FLIGHT: usize = 32;

/// Another resolver as a store: the Session Manager Broker, one of your own, or
/// any that keeps the contract.
///
/// A lookup asks for HTTP and for QUIC at once, and makes one record from both
/// answers. A 404 for one transport means that its port is not offered, a 404
/// for both means that the session does not exist, and everything else is an
/// error.
///
/// The store needs a tokio runtime with its timer and its I/O enabled.
pub struct UpstreamStore {
    client: ResolverClient,
    in_flight: Semaphore,
}

impl UpstreamStore {
    /// The session id that a [ping](SessionStore::ping) asks for.
    pub const PING_ID: &str = "dcv-resolver-ping";

    /// Creates the store. It does not connect: if the upstream cannot be
    /// reached, each lookup fails.
    ///
    /// This function blocks while it reads the files of the certificates.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the kind `InvalidConfig`, when a certificate or a key
    /// cannot be used.
    pub fn new(config: UpstreamConfig) -> Result<Self, StoreError> {
        let http = HttpClient::builder(config.base_url)
            .tls(config.tls)
            .connect_timeout(config.connect_timeout)
            .response_timeout(config.response_timeout)
            .build()
            .map_err(|error| {
                StoreError::new(BACKEND, StoreErrorKind::InvalidConfig).with_source(error)
            })?;
        Ok(Self::with_client(ResolverClient::new(http)))
    }

    /// Creates a store that asks the resolver of `client`.
    #[must_use]
    pub fn with_client(client: ResolverClient) -> Self {
        Self {
            client,
            in_flight: Semaphore::new(MAX_LOOKUPS_IN_FLIGHT),
        }
    }

    async fn ask(&self, id: &SessionId, transport: Transport) -> Result<Answer, StoreError> {
        let request = ResolveRequest::new(id.clone(), transport);
        self.client.resolve(&request).await.map_err(of_resolve)
    }
}

#[async_trait]
impl SessionStore for UpstreamStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        // The semaphore is never closed.
        let _permit = self.in_flight.acquire().await;
        let (http, quic) =
            tokio::try_join!(self.ask(id, Transport::Http), self.ask(id, Transport::Quic))?;
        combine(id, &http, &quic).map_err(|error| {
            StoreError::new(BACKEND, StoreErrorKind::CorruptRecord).with_source(error)
        })
    }

    /// Looks up a session that does not exist, and expects an answer: 404, or
    /// 200 if there is a session of this name.
    #[expect(clippy::expect_used, reason = "the id is a constant")]
    async fn ping(&self) -> Result<(), StoreError> {
        let id = SessionId::new(Self::PING_ID).expect("a valid session id");
        self.ask(&id, Transport::Http).await.map(drop)
    }
}

impl fmt::Debug for UpstreamStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamStore({})", self.client.http().base_url())
    }
}
