//! One file for each hop, or for hops that one connection shows.

pub(crate) mod answer;
pub(crate) mod explanation;
pub(crate) mod gateway_config;
pub(crate) mod link;
pub(crate) mod proxy;
pub(crate) mod resolver;
pub(crate) mod server;
pub(crate) mod server_config;
