//! The server over real sockets, with clients of every kind.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first failure"
)]

mod admission;
mod connections;
mod drain;
mod failures;
mod fixture;
mod http;
mod limits;
#[cfg(target_os = "linux")]
mod open_files;
#[cfg(feature = "tls")]
mod pki;
mod proxy_protocol;
mod shutdown;
mod slow_clients;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_files;
#[cfg(feature = "tls")]
mod tls_pem;
#[cfg(feature = "tls")]
mod tls_reload;
#[cfg(feature = "tls")]
mod tls_tools;
#[cfg(feature = "tls")]
mod tls_warnings;
