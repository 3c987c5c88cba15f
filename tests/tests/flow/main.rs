//! From a link in a browser to the desktop: Chromium, a gateway, the ready
//! binary, and DCV servers. Gateway and servers are those of the testkit.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test panics on the first failure"
)]

mod page;
mod resolver;
mod site;
