//! Checks any resolver against the wire contract, over the network and with one
//! session that the resolver knows.
//!
//! Rules that a gateway relies on have [`Level::Must`]. Rules that keep a
//! resolver from being misunderstood or misused have [`Level::Should`]. A
//! resolver that is built with `dcv-resolver-http` breaks none of them.
//!
//! Outages cannot be caused from outside, so one rule is not checked: a failing
//! store must be answered with 503 and never with 404.
//!
//! ```no_run
//! use dcv_resolver_client::HttpClient;
//! use dcv_resolver_doctor::contract;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = HttpClient::builder("http://127.0.0.1:9000".parse()?).build()?;
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
