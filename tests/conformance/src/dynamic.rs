//! Fixtures whose stores are held as `Arc<dyn …>`, as the resolver holds them.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    SessionImport, SessionListing, SessionRecord, SessionRegistry, SessionStore, Timestamp,
};

use crate::Fixture;

macro_rules! dynamic_fixture {
    ($name:ident, $ability:ident) => {
        /// A fixture whose stores are behind an
        #[doc = concat!("`Arc<dyn ", stringify!($ability), ">`.")]
        #[derive(Debug)]
        pub struct $name<F>(F);

        impl<F: Fixture<Store: $ability>> Fixture for $name<F> {
            type Store = Arc<dyn $ability>;

            async fn new() -> Self {
                Self(F::new().await)
            }

            async fn seed(&self, records: &[SessionRecord]) {
                self.0.seed(records).await;
            }

            async fn open(&self) -> Self::Store {
                Arc::new(self.0.open().await)
            }

            fn t0(&self) -> Timestamp {
                self.0.t0()
            }

            fn max_staleness(&self) -> Duration {
                self.0.max_staleness()
            }
        }
    };
}

dynamic_fixture!(DynStore, SessionStore);
dynamic_fixture!(DynListing, SessionListing);
dynamic_fixture!(DynRegistry, SessionRegistry);
dynamic_fixture!(DynImport, SessionImport);
