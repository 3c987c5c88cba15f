//! The HTTP side of a DCV session resolver.

mod body;
mod client_ip;
mod decision;
mod escape;
mod exchange;
mod problem;
mod query;
mod request_id;
mod router;
#[cfg(feature = "server")]
pub mod server;

pub use query::{InvalidQuery, Query};
pub use router::{MAX_URI_BYTES, RouterBuilder, router};
