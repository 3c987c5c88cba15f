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
pub use principal::Principal;
pub use scope::Scope;
