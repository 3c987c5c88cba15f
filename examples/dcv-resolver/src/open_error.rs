//! [`OpenError`]: why a store cannot be opened.

use dcv_resolver_core::StoreError;

use crate::failure::Failure;

/// Why a store cannot be opened.
#[derive(Debug)]
pub(crate) struct OpenError {
    /// The error of each call to the store.
    pub(crate) error: StoreError,
    /// The message of a command that ends because of it.
    pub(crate) failure: Failure,
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        error.failure
    }
}
