//! The guide, `docs/guide`: every block of it is run, parsed, compiled or compared
//! with the code that it quotes.
//!
//! | block | is |
//! |---|---|
//! | `rust`, `rust,no_run` | compiled and run as a documentation test: `src/guide.rs` |
//! | `rust,ignore`, `sql` | quoted from a file of `examples` |
//! | `console` | run in a shell; it prints what the guide says |
//! | `toml`, `json` | the file that the sentence before it names; a program that uses such files reads it |
//!
//! The links of all Markdown files of the repository are checked here as well.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

mod block;
mod chapter;
mod every_block;
mod expectation;
mod file;
mod link;
mod manifest;
mod place;
mod shell;
mod site;
