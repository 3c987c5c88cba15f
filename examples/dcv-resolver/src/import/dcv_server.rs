//! The sessions of a DCV server, as `dcv list-sessions --json` prints them.

use dcv_resolver_agent::{Connectivity, RecordTemplate, SessionList};
use dcv_resolver_core::{ErrorChain, SessionRecord};

use crate::cli::ImportOptions;
use crate::failure::Failure;

/// Makes records of the list. They never expire.
pub(super) fn records(options: &ImportOptions, text: &[u8]) -> Result<Vec<SessionRecord>, Failure> {
    let place = options.file.display();
    let list = SessionList::parse(text).map_err(|error| {
        let error = ErrorChain::new(&error);
        Failure::negative(format!("{place}: {error}"))
    })?;
    // What `list --json` prints for an empty store looks the same.
    if list.sessions().is_empty() {
        return Ok(Vec::new());
    }
    let Some(host) = options.host.clone() else {
        return Err(Failure::setup(format!(
            "{place} is the output of `dcv list-sessions --json`, which names no host; give --host, and --dcv-config or --http-port and --quic-port"
        )));
    };
    let template = RecordTemplate::new(host).with_id(options.id.clone().unwrap_or_default());
    let server = server(options)?;
    let records = list.sessions().iter().map(|session| {
        template.record(session, &server).map_err(|error| {
            let error = ErrorChain::new(&error);
            Failure::negative(format!("{place}: session {:?}: {error}", session.id()))
        })
    });
    records.collect()
}

/// Returns where the server listens. This machine need not be that server, so
/// its own configuration is not read.
fn server(options: &ImportOptions) -> Result<Connectivity, Failure> {
    let given = &options.server;
    let mut server = match &given.dcv_config {
        None => Connectivity::default(),
        Some(file) => Connectivity::read(file)
            .map_err(|error| Failure::option("--dcv-config", error.chain()))?,
    };
    if let Some(port) = given.http_port {
        server = server.with_http_port(port);
    }
    if let Some(port) = given.quic_port {
        server = server.with_quic_port(port);
    }
    if let Some(path) = &given.web_url_path {
        server = server.with_web_url_path(path.clone());
    }
    Ok(server)
}
