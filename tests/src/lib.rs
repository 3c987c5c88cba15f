//! Shared by the end-to-end tests: a store with every kind of answer, and a
//! server on a free port.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

pub mod server;
pub mod sessions;

/// The code in the README of the workspace compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;

#[cfg(doctest)]
mod guide;
