#![doc = include_str!("../README.md")]

mod policy;
mod store;

pub use policy::TimeoutPolicy;
pub use store::TimeoutStore;
