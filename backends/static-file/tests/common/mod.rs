//! What the tests of the store share.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use dcv_resolver_core::{SessionRecord, SessionStore};
use dcv_resolver_static_file::StaticFileStore;

/// Returns a session file in which everything shows its version.
pub(crate) fn text(version: u32) -> String {
    format!(
        "[sessions.console]\nhost = 'ws-{version}.example'\nhttp_port = 8443\n\
         labels = {{ version = '{version}' }}\n\
         [sessions.other]\nhost = 'ws-{version}.example'\nquic_port = 8443\n"
    )
}

/// Finishes a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a lookup in memory waited"),
    }
}

pub(crate) fn lookup(store: &StaticFileStore, id: &str) -> Option<SessionRecord> {
    now(store.lookup(&id.parse().unwrap())).unwrap()
}

#[allow(dead_code, reason = "not every test file pings")]
pub(crate) fn ping(store: &StaticFileStore) {
    now(store.ping()).unwrap();
}

/// Returns the host of `console`, after checking that all of its record is of
/// one version.
pub(crate) fn host(store: &StaticFileStore) -> String {
    let record = lookup(store, "console").unwrap();
    let version = record.labels().get("version").unwrap();
    assert_eq!(record.host().as_str(), format!("ws-{version}.example"));
    record.host().to_string()
}
