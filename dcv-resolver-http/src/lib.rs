//! The HTTP side of a DCV session resolver.

#[cfg(feature = "server")]
pub mod server;
