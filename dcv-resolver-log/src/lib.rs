#![doc = include_str!("../README.md")]

mod escape;
mod layer;
mod line;
mod members;
mod span_fields;
mod timestamp;

pub use layer::JsonLines;
