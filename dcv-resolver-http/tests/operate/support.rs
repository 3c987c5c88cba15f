//! Requests from any address, and what they leave in the log.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord, SessionStore};
use dcv_resolver_http::{ResolveService, ResolveServiceBuilder};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::{Service, ServiceExt};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// A request for the one session that [`memory`] holds.
pub(crate) const CONSOLE: &str = "/resolveSession?sessionId=console";

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The `reason` of a problem document, or nothing.
    pub(crate) fn reason(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// A POST from `caller`; from an unknown one where it is empty.
pub(crate) fn request(caller: &str, uri: &str) -> Request<Body> {
    let mut request = Request::post(uri).body(Body::empty()).unwrap();
    if !caller.is_empty() {
        let address: IpAddr = caller.parse().unwrap();
        let peer = SocketAddr::new(address, 51234);
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    request
}

pub(crate) async fn send<S>(app: &S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Sync,
{
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.into()).unwrap(),
    }
}

pub(crate) async fn post<S>(app: &S, uri: &str) -> Answer
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Sync,
{
    send(app, request("", uri)).await
}

/// The reason of the answer to a request for the session, from `caller`.
pub(crate) async fn reason_for(app: &Router, caller: &str) -> String {
    send(app, request(caller, CONSOLE)).await.reason()
}

/// One session, `console`.
pub(crate) fn memory() -> MemoryStore {
    let record = SessionRecord::builder(
        "console".parse().unwrap(),
        "ws-17.dcv.example".parse().unwrap(),
        Expiry::Never,
    );
    MemoryStore::from_iter([record.http_port(8443).build().unwrap()])
}

pub(crate) fn over(store: impl SessionStore) -> ResolveServiceBuilder {
    ResolveService::builder(Resolver::new(store))
}

/// A router over a store that always does the same.
pub(crate) fn replying(reply: Reply) -> ResolveServiceBuilder {
    over(ScriptedStore::always(reply))
}

/// While there is one subscriber in a process, tracing asks that of the thread
/// which comes to an event first, and takes its answer for all threads: a test
/// without a log would silence the others.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

/// What is logged, as JSON.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects what this thread logs at `level` and above, until the guard is
    /// dropped.
    pub(crate) fn of_this_thread(level: Level) -> (Self, DefaultGuard) {
        let (log, subscriber) = Self::with_subscriber(level);
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn with_subscriber(
        level: Level,
    ) -> (Self, impl tracing::Subscriber + Send + Sync + 'static) {
        LazyLock::force(&SECOND);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = fmt()
            .json()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        (log, subscriber)
    }

    /// Collects what this thread logs, until the guard is dropped, twice over:
    /// what `filter` lets through, and everything at DEBUG and above.
    pub(crate) fn filtered_and_all_of_this_thread(filter: Targets) -> (Self, Self, DefaultGuard) {
        LazyLock::force(&SECOND);
        let (filtered, all) = (Self::default(), Self::default());
        let (to_filtered, to_all) = (filtered.clone(), all.clone());
        let subscriber = tracing_subscriber::registry()
            .with(
                fmt::layer()
                    .json()
                    .with_writer(move || to_filtered.clone())
                    .with_filter(filter),
            )
            .with(
                fmt::layer()
                    .json()
                    .with_writer(move || to_all.clone())
                    .with_filter(LevelFilter::DEBUG),
            );
        (filtered, all, tracing::subscriber::set_default(subscriber))
    }

    /// The events since it was asked last.
    pub(crate) fn events(&self) -> Vec<Value> {
        let written = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(written)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
