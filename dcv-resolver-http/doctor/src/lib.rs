#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cause;
pub mod contract;
mod doctor;
mod explain_request;
mod gateway_tls;
mod hop;
mod hops;
mod link;
mod link_tail;
mod meant_key;
mod not_found;
mod proxy_settings;
mod report;
mod resolver_listener;
mod time_limits;
mod tls_files;
mod tls_finding;
mod url_parts;

pub use cause::most_likely;
pub use doctor::Doctor;
pub use explain_request::ExplainRequest;
pub use gateway_tls::{dcv_tls, resolver_tls};
pub use hop::{Finding, Hop, HopKind, Status};
pub use link::{IdPlace, InvalidLink, Link};
pub use link_tail::id_in_tail;
pub use proxy_settings::ProxySettings;
pub use report::Report;
pub use resolver_listener::ResolverListener;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<contract::ContractError>();
    is_shared::<Doctor>();
    is_shared::<Report>();
};
