//! An audit trail of every decision, and the outcome in a header of the
//! response.
//!
//! ```text
//! cargo run --example audit
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request};
use axum::middleware::map_response;
use axum::response::Response;
use dcv_resolver_core::{Expiry, MemoryStore, ResolveRequest, Resolver, SessionRecord};
use dcv_resolver_http::{Decision, DecisionObserver, ResolveService};
use tower::ServiceExt;

/// Sends a line for each decision to the writer of the trail. An observer must
/// not block: when the writer is slow and the channel is full, lines are lost,
/// and counted.
#[derive(Debug, Clone)]
struct Audit {
    trail: SyncSender<String>,
    lost: Arc<AtomicU64>,
}

impl Audit {
    fn new(max_waiting: usize) -> (Self, Receiver<String>) {
        let (trail, lines) = sync_channel(max_waiting);
        let lost = Arc::default();
        (Self { trail, lost }, lines)
    }
}

impl DecisionObserver for Audit {
    fn on_decision(&self, decision: &Decision) {
        if self.trail.try_send(line(decision)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Formats a decision. `{:?}` quotes and escapes what the caller has chosen, so
/// that it cannot forge a field or a line.
fn line(decision: &Decision) -> String {
    let request = decision.request.as_ref();
    let client = match &decision.invalid_client_ip {
        Some(text) => format!("{text:?}"),
        None => or_dash(request.and_then(ResolveRequest::client_ip)),
    };
    let session = request.map(|request| format!("{:?}", request.session_id().as_str()));
    let destination = decision.resolution();
    let destination = destination.map(|it| format!("{} port={}", it.record().host(), it.port()));
    format!(
        "caller={} client={client} request_id={:?} session={} outcome={} reason={} destination={}",
        or_dash(decision.caller),
        decision.request_id.as_str(),
        or_dash(session),
        decision.outcome(),
        or_dash(decision.reason()),
        or_dash(destination),
    )
}

fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A middleware: names the outcome in a header.
async fn add_outcome(mut response: Response) -> Response {
    if let Some(decision) = response.extensions().get::<Arc<Decision>>() {
        let outcome = HeaderValue::from_static(decision.outcome().as_str());
        response.headers_mut().insert("x-outcome", outcome);
    }
    response
}

fn app(resolver: Resolver, audit: Audit) -> Router {
    ResolveService::builder(resolver)
        .observer(audit)
        .router()
        .layer(map_response(add_outcome))
}

/// A request as a server passes it on: with the address of the caller.
fn request(query: &str) -> Result<Request<Body>, axum::http::Error> {
    Request::post(format!("/resolveSession?{query}"))
        .header("x-request-id", "gw-7")
        .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 50_000))))
        .body(Body::empty())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = "ws-17.dcv.example".parse()?;
    let record = SessionRecord::builder("console".parse()?, host, Expiry::Never);
    let store = MemoryStore::from_iter([record.http_port(8443).build()?]);
    let (audit, lines) = Audit::new(1_000);
    let lost = Arc::clone(&audit.lost);
    let app = app(Resolver::new(store), audit);

    for query in [
        "sessionId=console&clientIpAddress=198.51.100.7",
        "sessionId=Console",
        "session=console",
    ] {
        let response = app.clone().oneshot(request(query)?).await?;
        let outcome = response.headers().get("x-outcome");
        println!(
            "{query}: {}",
            outcome.map_or("-", |it| it.to_str().unwrap_or("-"))
        );
    }
    // The trail ends with the last service that sends to it.
    drop(app);
    lines.iter().for_each(|line| println!("audit: {line}"));
    println!("lines lost: {}", lost.load(Ordering::Relaxed));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn decision_is_in_the_trail_and_in_the_header() {
        let (audit, lines) = Audit::new(1);
        let lost = Arc::clone(&audit.lost);
        let app = app(Resolver::new(MemoryStore::new()), audit);
        let query = "sessionId=ann&clientIpAddress=x%0Ay";
        for _ in 0..2 {
            let response = app.clone().oneshot(request(query).unwrap()).await.unwrap();
            assert_eq!(response.headers()["x-outcome"], "not_found");
        }
        drop(app);
        let lines: Vec<_> = lines.iter().collect();
        let line = r#"caller=192.0.2.1 client="x\ny" request_id="gw-7" session="ann" outcome=not_found reason=unknown destination=-"#;
        assert_eq!(lines, [line]);
        assert_eq!(lost.load(Ordering::Relaxed), 1, "the channel was full");
    }
}
