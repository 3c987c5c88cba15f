//! `explain`: explains how a request is resolved, step by step.

use std::time::Duration;

use dcv_resolver_core::{Conclusion, ResolveRequest, Transport};

use crate::cli::ExplainOptions;
use crate::config::Source;
use crate::failure::Failure;
use crate::output::line;
use crate::pasted::PastedRequest;
use crate::store_chain::StoreChain;

/// The time limit of the search for similar ids: a person waits for it.
const SEARCH_TIME: Duration = Duration::from_secs(10);

pub(crate) async fn run(options: ExplainOptions) -> Result<(), Failure> {
    let pasted = PastedRequest::read(&options.session)?;
    // Each store is called once, so a cache would only cost time.
    let config = Source::new(options.config).load()?.without_caches();
    let transport = options.transport.or(pasted.transport);
    let transport = transport.unwrap_or(Transport::Http);
    let mut request = ResolveRequest::new(pasted.session_id, transport);
    if let Some(client_ip) = options.client_ip.or(pasted.client_ip) {
        request = request.with_client_ip(client_ip);
    }
    let explanation = StoreChain::with_read_only(&config, async |chain| {
        let enough = tokio::time::sleep(SEARCH_TIME);
        let explainer = chain.explainer(&config)?;
        Ok(explainer.explain_until(&request, enough).await)
    })
    .await?;
    if options.json {
        let json = serde_json::to_string_pretty(&explanation)
            .map_err(|error| Failure::setup(format!("cannot write the explanation: {error}")))?;
        line(json)?;
    } else {
        line(&explanation)?;
        if let Some(remark) = pasted.remark {
            line(remark)?;
        }
    }
    match explanation.conclusion {
        Conclusion::Found { .. } => Ok(()),
        Conclusion::NotFound { .. } => Err(Failure::silent(1)),
        _ => Err(Failure::silent(2)),
    }
}
