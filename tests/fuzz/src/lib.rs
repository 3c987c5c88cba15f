//! Checks for any input: one function for each parser of untrusted text that is in
//! [`TARGETS`].
//!
//! Other parsers are tested with chosen inputs only: those of `PROXY` headers, of the
//! token file, of the doctor's links, and of what `dcv list-sessions` and the Session
//! Manager Broker print.
//!
//! Each function takes any bytes. It panics if the code under test panics,
//! disagrees with a simple second implementation, or does not read back what it
//! wrote.
//!
//! | | |
//! |---|---|
//! | `tests/replay.rs` | each function with every file of its corpus, and with changed copies of them, the same in every run; `DCV_TEST_FUZZ_ITERATIONS` sets the number of changed copies for each function |
//! | `scripts/fuzz` | the same functions under libFuzzer, through `libfuzzer/`, a package of its own so that the workspace does not need it |
//!
//! A function, a folder in `corpus/` and a file in `libfuzzer/fuzz_targets/` have
//! the same name. An input for which one of them panics belongs in `corpus/` when
//! the code is corrected.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a panic is how a function reports what does not hold"
)]

mod admin_body;
mod config_error;
mod configuration;
mod dcv_conf;
mod gateway_config;
mod host_and_id;
mod message;
mod pem;
mod query;
mod query_oracle;
mod redis_value;
mod request;
mod runtime;
mod session_file;
mod session_json;
mod session_toml;
mod sqlite_row;
mod stored_record;
mod traceparent;
mod upstream_answer;

pub use admin_body::admin_body;
pub use configuration::configuration;
pub use dcv_conf::dcv_conf;
pub use gateway_config::gateway_config;
pub use host_and_id::host_and_id;
pub use pem::pem;
pub use query::query;
pub use redis_value::redis_value;
pub use request::request;
pub use session_json::session_json;
pub use session_toml::session_toml;
pub use sqlite_row::sqlite_row;
pub use stored_record::stored_record;
pub use traceparent::traceparent;
pub use upstream_answer::upstream_answer;

/// Checks what holds for an input.
pub type Target = fn(&[u8]);

/// The functions by their names.
pub const TARGETS: [(&str, Target); 15] = [
    ("admin_body", admin_body),
    ("configuration", configuration),
    ("dcv_conf", dcv_conf),
    ("gateway_config", gateway_config),
    ("host_and_id", host_and_id),
    ("pem", pem),
    ("query", query),
    ("redis_value", redis_value),
    ("request", request),
    ("session_json", session_json),
    ("session_toml", session_toml),
    ("sqlite_row", sqlite_row),
    ("stored_record", stored_record),
    ("traceparent", traceparent),
    ("upstream_answer", upstream_answer),
];
