//! The `changes_registry` battery, for every [`SessionRegistry`] that is a
//! [`ChangeSource`].

use dcv_resolver_core::{ChangeSource, Expiry, SessionRegistry};

use crate::Fixture;
use crate::sample::{OURS, after, full, id, other};
use crate::watch::Watch;

#[doc(hidden)]
#[macro_export]
macro_rules! __changes_registry_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            c1_every_call_reports_what_it_changes
        }
    };
}

__changes_registry_rules! {
    (crate::macros::check) [Fixture<Store: ChangeSource + SessionRegistry>]
}

/// Checks C1: `register`, `renew`, `deregister` and `sweep` are reported, when
/// they come through the same store and through another.
pub async fn c1_every_call_reports_what_it_changes<
    F: Fixture<Store: ChangeSource + SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let watch = Watch::start(fixture, &store).await;
    let another = fixture.open().await;
    for writer in [&store, &another] {
        let (id, first) = (id("console"), Expiry::At(after(t0, 10)));
        for record in [full(id.clone(), first), other(id.clone(), first)] {
            let mark = watch.mark();
            writer.register(&record, &OURS, t0).await.unwrap();
            watch.changed(mark, &id).await;
        }
        let mark = watch.mark();
        let expiry = Expiry::At(after(t0, 20));
        writer.renew(&id, &OURS, expiry, t0).await.unwrap();
        watch.changed(mark, &id).await;

        let mark = watch.mark();
        assert!(writer.deregister(&id, &OURS).await.unwrap());
        watch.changed(mark, &id).await;

        let swept = full(id.clone(), first);
        writer.register(&swept, &OURS, t0).await.unwrap();
        watch.caught_up().await;
        let mark = watch.mark();
        assert_eq!(writer.sweep(after(t0, 10)).await.unwrap(), 1);
        watch.changed(mark, &id).await;
    }
}
