#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken rule is a panic"
)]

pub mod changes;
pub mod changes_registry;
pub mod durability;
mod fixture;
pub mod import;
pub mod list;
mod listing;
mod macros;
pub mod outage;
pub mod outage_registry;
mod partial;
mod race;
pub mod read;
pub mod registry;
mod run;
mod sample;
pub mod shared;
mod until;
mod watch;

pub use fixture::{ChangingFixture, Fixture, OutageFixture, deregister, register_each};
