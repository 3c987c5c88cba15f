//! The checks of the contract against resolvers that break it.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

mod flask;
mod own;
mod serve;
mod wrong;
