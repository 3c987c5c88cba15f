#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod auth_error;
mod authorize;
mod principal;
mod scope;

pub use access::{Access, AccessRequest};
pub use auth_error::AuthError;
pub use authorize::Authorize;
/// The version of axum whose [`http`](axum::http) types an [`AccessRequest`] holds.
pub use axum;
pub use principal::Principal;
pub use scope::Scope;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<AuthError>();
    is_shared::<Principal>();
};
