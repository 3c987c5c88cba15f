//! Shared by the end-to-end tests: a store with every kind of answer, a server on
//! a free port, and the files of the repository.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

pub mod repository;
pub mod server;
pub mod sessions;

/// The code in the README of the workspace compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;

#[cfg(doctest)]
mod guide;
