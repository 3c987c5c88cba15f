//! An audit trail of every decision, and the outcome in a header of the
//! response.
//!
//! ```text
//! cargo run --example audit
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use axum::middleware::map_response;
use axum::response::Response;
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord};
use dcv_resolver_http::{Decision, DecisionObserver, ResolveService};
use tower::ServiceExt;

/// Sends a line for each decision to the writer of the trail. An observer must
/// not block, and this channel has no bound.
#[derive(Debug)]
struct Audit(Sender<String>);

impl DecisionObserver for Audit {
    fn on_decision(&self, decision: &Decision) {
        let id = decision.request.as_ref().map(|it| it.session_id());
        let (outcome, reason) = (decision.outcome(), decision.reason().unwrap_or("-"));
        // Fails only if the writer has ended.
        let _closed = self.0.send(format!("{id:?} {outcome} {reason}"));
    }
}

/// A middleware: names the outcome in a header.
async fn add_outcome(mut response: Response) -> Response {
    if let Some(decision) = response.extensions().get::<Arc<Decision>>() {
        let outcome = HeaderValue::from_static(decision.outcome().as_str());
        response.headers_mut().insert("x-outcome", outcome);
    }
    response
}

fn app(resolver: Resolver, trail: Sender<String>) -> Router {
    ResolveService::builder(resolver)
        .observer(Audit(trail))
        .router()
        .layer(map_response(add_outcome))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = "ws-17.dcv.example".parse()?;
    let record = SessionRecord::builder("console".parse()?, host, Expiry::Never);
    let store = MemoryStore::from_iter([record.http_port(8443).build()?]);
    let (trail, lines) = mpsc::channel();
    let app = app(Resolver::new(store), trail);

    for query in ["sessionId=console", "sessionId=Console", "session=console"] {
        let request = Request::post(format!("/resolveSession?{query}")).body(Body::empty())?;
        let response = app.clone().oneshot(request).await?;
        println!("{query}: {:?}", response.headers().get("x-outcome"));
    }
    // The trail ends with the last service that sends to it.
    drop(app);
    for line in lines {
        println!("audit: {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn decision_is_in_the_trail_and_in_the_header() {
        let (trail, lines) = mpsc::channel();
        let app = app(Resolver::new(MemoryStore::new()), trail);
        let request = Request::post("/resolveSession?sessionId=ann").body(Body::empty());
        let response = app.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.headers()["x-outcome"], "not_found");
        let lines: Vec<_> = lines.iter().collect();
        assert_eq!(lines, ["Some(\"ann\") not_found unknown"]);
    }
}
