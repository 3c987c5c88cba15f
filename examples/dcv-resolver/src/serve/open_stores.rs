//! [`OpenStores`]: the stores that the end of the process closes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store_chain::StoreChain;

/// The stores that are open. A reload replaces them.
#[derive(Debug, Clone)]
pub(super) struct OpenStores(Arc<Mutex<StoreChain>>);

impl OpenStores {
    pub(super) fn new(chain: StoreChain) -> Self {
        Self(Arc::new(Mutex::new(chain)))
    }

    pub(super) fn replace(&self, chain: StoreChain) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    pub(super) async fn close(&self) {
        let chain = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        chain.close().await;
    }
}
