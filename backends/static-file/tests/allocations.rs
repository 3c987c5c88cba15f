//! What a lookup allocates: a file of its own, since it counts with an
//! allocator of its own.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

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
fn resolving_allocates_the_future_of_the_lookup_and_nothing_else() {
    let resolver = resolver();
    for (id, is_known) in [("console", true), ("unknown", false)] {
        let request = ResolveRequest::new(id.parse().unwrap(), Transport::Http);
        // What a thread allocates once is no part of it.
        let first = resolver.resolve(&request).now_or_never();
        first.unwrap().unwrap();

        let mut outcome = None;
        let counted = allocation_counter::measure(|| {
            outcome = resolver.resolve(&request).now_or_never();
        });
        let found = matches!(outcome, Some(Ok(Outcome::Found(_))));
        assert_eq!(found, is_known);
        // An answer is the record that is kept, and takes no memory of its own.
        assert_eq!(counted.count_total, 1, "{counted:?}");
        assert_eq!(counted.count_current, 0, "{counted:?}");
    }
}
