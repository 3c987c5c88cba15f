//! `check`: validates a store and prints what would be served.

use crate::cli::CheckOptions;
use crate::failure::Failure;
use crate::open_store::{Missing, OpenStore};
use crate::store_url::StoreUrl;
use crate::{list, session_file, table};

pub(crate) async fn run(options: CheckOptions) -> Result<(), Failure> {
    let records = match options.store.url()? {
        StoreUrl::File(path) => session_file::read(&path)?,
        url => list::all(&OpenStore::open(url, Missing::Fail).await?).await?,
    };
    table::print(&records)
}
