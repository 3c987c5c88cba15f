#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken rule is a panic"
)]

pub mod durability;
mod fixture;
pub mod import;
pub mod list;
mod listing;
mod macros;
mod partial;
mod race;
pub mod read;
pub mod registry;
mod run;
mod sample;
pub mod shared;

pub use fixture::{Fixture, register_each};
