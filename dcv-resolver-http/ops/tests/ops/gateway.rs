//! Resolve requests, as a gateway sends them.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{
    Expiry, MemoryStore, Resolver, SessionId, SessionRecord, SessionStore, StoreError, async_trait,
};
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder};
use tower::ServiceExt;

/// A request for the one session that [`memory`] holds.
pub(crate) const CONSOLE: &str = "/resolveSession?sessionId=console";

/// A POST from `caller`.
pub(crate) fn request(caller: &str, uri: &str) -> Request<Body> {
    let mut request = Request::post(uri).body(Body::empty()).unwrap();
    let caller: IpAddr = caller.parse().unwrap();
    let peer = SocketAddr::new(caller, 51234);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

pub(crate) async fn send(app: &Router, request: Request<Body>) {
    app.clone().oneshot(request).await.unwrap();
}

pub(crate) async fn post(app: &Router, uri: &str) {
    send(app, Request::post(uri).body(Body::empty()).unwrap()).await;
}

/// One session, `console`.
pub(crate) fn memory() -> MemoryStore {
    MemoryStore::from_iter([record("console".parse().unwrap())])
}

/// A session over HTTP alone.
pub(crate) fn record(id: SessionId) -> SessionRecord {
    let host = "ws-17.dcv.example".parse().unwrap();
    let record = SessionRecord::builder(id, host, Expiry::Never);
    record.http_port(8443).build().unwrap()
}

pub(crate) fn over(store: impl SessionStore) -> ResolveServiceBuilder {
    ResolveService::builder(Resolver::new(store))
}

/// A service over a store that always replies the same.
pub(crate) fn replying(reply: Reply) -> ResolveServiceBuilder {
    over(ScriptedStore::always(reply))
}

/// A store that replies with the result of a function.
pub(crate) struct FnStore<F>(pub(crate) F);

impl<F> std::fmt::Debug for FnStore<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FnStore")
    }
}

#[async_trait]
impl<F> SessionStore for FnStore<F>
where
    F: Fn(&SessionId) -> Result<Option<SessionRecord>, StoreError> + Send + Sync + 'static,
{
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        (self.0)(id)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
