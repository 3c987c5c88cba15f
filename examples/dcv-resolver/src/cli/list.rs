//! [`ListOptions`]: the options of `list`.

use clap::Args;

use super::store::StoreOption;

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Prints the records as a JSON array.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}
