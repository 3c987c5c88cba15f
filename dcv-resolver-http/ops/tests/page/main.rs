//! The page of the operators, in a browser.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first failure"
)]

mod accessibility;
mod fixture;
mod hostile;
mod keyboard;
mod looks;
mod token;
mod updates;
