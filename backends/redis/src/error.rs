//! The errors of this backend.

use dcv_resolver_core::{StoreError, StoreErrorKind};

/// The name of this backend in errors and logs.
pub(crate) const BACKEND: &str = "redis";

pub(crate) const fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new(BACKEND, kind)
}
