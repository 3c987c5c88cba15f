//! Checks any resolver against the wire contract, over the network and with one
//! session that it knows.
//!
//! What a gateway relies on are rules of [`Level::Must`]; what keeps a resolver
//! from being misunderstood or misused are rules of [`Level::Should`]. A resolver
//! that is built with `dcv-resolver-http` breaks none.
//!
//! Outages cannot be caused from outside, so that one rule is not checked: a
//! failing store must be answered with 503 and never with 404.
//!
//! ```no_run
//! use dcv_resolver_client::HttpClient;
//! use dcv_resolver_doctor::contract;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = HttpClient::builder("http://127.0.0.1:9000").build()?;
//! let report = contract::check(&resolver, &"console".parse()?, None).await?;
//! assert!(report.is_kept(), "{report}");
//! # Ok(())
//! # }
//! ```

mod breach;
mod probe;
mod report;
mod rules;
mod run;

pub use breach::{Breach, Level};
pub use report::ContractReport;
pub use run::{ContractError, check};
