//! A resolver that is built with this repository.

use axum::Router;
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord};

use crate::serve::check;

/// A resolver that knows `console`.
pub(crate) fn router() -> Router {
    let id = "console".parse().unwrap();
    let host = "ws-17.dcv.example".parse().unwrap();
    let record = SessionRecord::builder(id, host, Expiry::Never)
        .http_port(8443)
        .quic_port(8444)
        .build();
    dcv_resolver_http::router(Resolver::new(MemoryStore::from_iter([record.unwrap()])))
}

#[tokio::test]
async fn own_resolver_breaks_no_rule() {
    let report = check(router()).await;
    assert!(report.is_kept(), "{report}");
}
