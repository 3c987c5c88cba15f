#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod policy;
mod store;

pub use policy::TimeoutPolicy;
pub use store::TimeoutStore;
