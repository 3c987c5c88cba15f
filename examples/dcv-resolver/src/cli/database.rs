//! The options of `backup`, `restore` and `migrate`.

use std::path::PathBuf;

use clap::Args;

use super::store::StoreOption;

#[derive(Debug, Args)]
pub(crate) struct BackupOptions {
    /// The file to write, which must not exist.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    /// A file that backup wrote, or another database of this program.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) store: StoreOption,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateOptions {
    #[command(flatten)]
    pub(crate) store: StoreOption,

    /// Creates an empty database if there is none.
    #[arg(long)]
    pub(crate) create: bool,
}
