//! [`CheckOptions`]: the options of `check`.

use clap::Args;
use dcv_resolver_core::SessionId;

use super::config::ConfigOptions;

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,

    /// Also prints this session, from the first store that holds it or has a
    /// pattern for it; exit code 1 if there is none.
    #[arg(long, value_name = "SESSION")]
    pub(crate) session: Option<SessionId>,
}
