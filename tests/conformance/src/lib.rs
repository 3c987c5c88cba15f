#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken rule is a panic, and so is a test's surprise"
)]

pub mod durability;
mod dynamic;
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

pub use dynamic::{DynImport, DynListing, DynRegistry, DynStore};
pub use fixture::{Fixture, register_each};
pub use run::run;
