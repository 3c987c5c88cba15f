//! [`StoreOption`]: the store of a command.

use std::str::FromStr;

use clap::Args;

use crate::failure::Failure;
use crate::store_url::{StoreText, StoreUrl};
use crate::variables::without_line_end;

#[derive(Debug, Args)]
pub(crate) struct StoreOption {
    /// The store: file:PATH (.toml or .json, read-only), sqlite:PATH,
    /// redis://HOST:PORT, rediss://, redis+unix://, redis+sentinel://,
    /// redis+cluster://, memory: or, for another resolver, https://HOST:PORT or
    /// http://HOST:PORT.
    #[arg(
        long = "store",
        value_name = "URL",
        env = "DCV_RESOLVER_STORE",
        hide_env_values = true,
        value_parser = without_line_end(StoreText::from_str)
    )]
    url: StoreText,
}

impl StoreOption {
    pub(crate) fn url(&self) -> Result<StoreUrl, Failure> {
        self.url.option()
    }
}
