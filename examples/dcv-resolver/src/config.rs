//! The configuration: one TOML file, environment variables, flags. A flag
//! counts before the environment, and that before the file.
//!
//! | file | |
//! |---|---|
//! | `shape.rs`, `sections.rs` | what can be said, as types; their comments are the documentation |
//! | `number.rs`, `text.rs` | values with rules of their own |
//! | `schema.rs` | the JSON Schema of the types |
//! | `examine.rs` | a file against the schema: every diagnostic, not only the first |
//! | `agree.rs` | what fits together and what does not |
//! | `diagnostic.rs`, `spelling.rs` | how a mistake is told |
//! | `read.rs` | the file, read |
//! | `source.rs` | file, environment and flags, put together |

mod agree;
mod diagnostic;
mod error;
mod examine;
mod number;
mod read;
mod schema;
mod sections;
mod shape;
mod source;
mod spelling;
mod text;

pub(crate) use error::ConfigError;
pub(crate) use schema::schema;
pub(crate) use sections::*;
pub(crate) use shape::Config;
pub(crate) use source::Source;
pub(crate) use text::{Address, Listen};
