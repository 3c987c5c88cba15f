//! What a lookup allocates. It needs an allocator of its own, so it is a test
//! binary of its own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use dcv_resolver_core::{Outcome, ResolveRequest, Resolver, Transport};
use dcv_resolver_static_file::StaticFileStore;
use futures_util::FutureExt;

fn resolver() -> Resolver {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    let text = "[sessions.console]\nhost = 'ws-17.dcv.example'\nhttp_port = 8443\n";
    std::fs::write(&path, text).unwrap();
    Resolver::new(StaticFileStore::load(&path).unwrap())
}

#[test]
fn resolve_allocates_only_the_future_of_the_lookup() {
    let resolver = resolver();
    for (id, is_known) in [("console", true), ("unknown", false)] {
        let request = ResolveRequest::new(id.parse().unwrap(), Transport::Http);
        // A thread allocates some memory once.
        let first = resolver.resolve(&request).now_or_never();
        first.unwrap().unwrap();

        let mut outcome = None;
        let counted = allocation_counter::measure(|| {
            outcome = resolver.resolve(&request).now_or_never();
        });
        let found = matches!(outcome, Some(Ok(Outcome::Found(_))));
        assert_eq!(found, is_known);
        // An outcome shares the stored record.
        assert_eq!(counted.count_total, 1, "{counted:?}");
        assert_eq!(counted.count_current, 0, "{counted:?}");
    }
}
