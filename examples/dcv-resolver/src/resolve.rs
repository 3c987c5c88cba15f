//! `resolve`: resolves one request.

use dcv_resolver_core::{Outcome, ResolveError, ResolveRequest};

use crate::cli::ResolveOptions;
use crate::failure::Failure;
use crate::open_store::{OpenStore, Purpose};
use crate::output::line;

pub(crate) async fn run(options: ResolveOptions) -> Result<(), Failure> {
    let mut request = ResolveRequest::new(options.session_id, options.transport);
    if let Some(client_ip) = options.client_ip {
        request = request.with_client_ip(client_ip);
    }
    OpenStore::with(
        options.store.url()?,
        Purpose::Read,
        async |store| match store.resolver()?.resolve(&request).await {
            Ok(Outcome::Found(resolution)) => serde_json::to_string(&resolution)
                .map_err(|error| Failure::setup(format!("cannot write the answer: {error}")))
                .and_then(line),
            Ok(Outcome::NotFound(not_found)) => Err(Failure::negative(format!(
                "not found ({}): {not_found}",
                not_found.reason()
            ))),
            Err(ResolveError::Store { source, .. }) => Err(store.failure(&source)),
            Err(error) => Err(Failure::setup(error.chain().to_string())),
        },
    )
    .await
}
