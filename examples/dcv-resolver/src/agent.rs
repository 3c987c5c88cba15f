//! `agent`: keeps the sessions that run on this DCV server registered.
//!
//! | file | |
//! |---|---|
//! | `options.rs` | the command line |
//! | `operators.rs` | readiness and metrics |

mod operators;
mod options;

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_agent::{
    AdminRegistrar, Agent, DcvCommand, LeaseFileError, RecordTemplate, Registrar, StoreRegistrar,
    lease_token,
};
use dcv_resolver_client::{BaseUrl, HttpClient, TlsOptions};
use dcv_resolver_core::{ErrorChain, LeaseToken};

use self::operators::Operators;
pub(crate) use self::options::AgentOptions;
use crate::config::Telemetry;
use crate::failure::Failure;
use crate::interrupt::interrupted;
use crate::log::LogWriter;
use crate::open_store::{OpenStore, Purpose};
use crate::store_url::StoreUrl;
use crate::{cli, file_modes, log};

/// How long the admin API may take to accept a connection, and to answer.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn run(options: AgentOptions) -> Result<(), Failure> {
    let logging = log::init(&options.log()?, &Telemetry::default())?;
    let secrets = options.admin_token_file.iter();
    let secrets = secrets.filter_map(|path| file_modes::of_tokens(path));
    let keys = options.key_file.iter();
    let keys = keys.filter_map(|path| file_modes::of_key(path));
    for warning in secrets.chain(keys).chain(cli::warnings()) {
        tracing::warn!("{warning}");
    }
    let token = lease_token(&options.state_dir).map_err(|error| lease_failure(&error))?;

    if let Some(url) = &options.place.admin_url {
        let registrar = Arc::new(over_admin_api(&options, url, token)?);
        return keep_registered(&options, registrar, url, logging.writer.clone()).await;
    }
    let Some(text) = &options.place.store else {
        return Err(Failure::setup("give --admin-url or --store"));
    };
    let url = text.option()?;
    if matches!(url, StoreUrl::Memory) {
        return Err(Failure::setup(
            "--store: no resolver sees what an agent registers in memory:; give the store of a resolver, or --admin-url",
        ));
    }
    let store = OpenStore::named(url.name(), url, Purpose::Create).await?;
    let registry = Arc::clone(store.registry()?);
    let registrar = Arc::new(StoreRegistrar::new(registry, token));
    let ended = keep_registered(&options, registrar, &store.name, logging.writer.clone()).await;
    store.close().await;
    ended
}

/// Runs until a signal, or fails to begin. `place` names where the sessions are
/// registered, for the log.
async fn keep_registered(
    options: &AgentOptions,
    registrar: Arc<dyn Registrar>,
    place: &str,
    writer: LogWriter,
) -> Result<(), Failure> {
    let interval = options.interval_ms.milliseconds();
    let records = RecordTemplate::new(options.host.clone())
        .with_id(options.id.clone())
        .with_labels(options.labels.iter().cloned());
    let command = match options.command.split_first() {
        Some((program, arguments)) => DcvCommand::new(program, arguments),
        None => DcvCommand::default(),
    };
    let agent = Agent::new(records, registrar)
        .command(command.with_time_limit(options.command_timeout_ms.milliseconds()))
        .dcv_config(options.server.dcv_config.clone())
        .http_port(options.server.http_port)
        .quic_port(options.server.quic_port)
        .web_url_path(options.server.web_url_path.clone())
        .interval(interval)
        .keep_registered(options.keep)
        .state_folder(&options.state_dir);
    let at = options.ops_listen.as_ref();
    let operators = Operators::start(at, agent.view(), interval, writer).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        host = options.host.as_str(),
        place,
        ops_address = operators.as_ref().map(|operators| &*operators.address),
        "started",
    );
    agent
        .run(async {
            let signal = interrupted().await;
            tracing::info!("{signal}");
        })
        .await;
    tracing::info!("stopped");
    Ok(())
}

fn over_admin_api(
    options: &AgentOptions,
    url: &str,
    token: LeaseToken,
) -> Result<AdminRegistrar, Failure> {
    let mut tls = TlsOptions::default();
    if let Some(ca_file) = &options.ca_file {
        tls = tls.ca_file(ca_file);
    }
    if let (Some(certificate), Some(key)) = (&options.certificate_file, &options.key_file) {
        tls = tls.client_certificate(certificate, key);
    }
    let url: BaseUrl = url
        .parse()
        .map_err(|error| Failure::option("--admin-url", error))?;
    let client = HttpClient::builder(url)
        .tls(tls)
        .connect_timeout(ADMIN_TIMEOUT)
        .response_timeout(ADMIN_TIMEOUT)
        .build()
        .map_err(|error| Failure::option("--admin-url", error))?;
    if is_readable_on_the_way(client.base_url()) {
        tracing::warn!(
            "--admin-url does not start with https://: everyone on the network path can read the bearer token and the lease token"
        );
    }
    let Some(token_file) = &options.admin_token_file else {
        return Err(Failure::setup("--admin-url needs --admin-token-file"));
    };
    Ok(AdminRegistrar::new(client, token_file, token))
}

/// Returns whether tokens leave this machine in plaintext.
fn is_readable_on_the_way(url: &BaseUrl) -> bool {
    !url.is_https() && !url.is_loopback()
}

fn lease_failure(error: &LeaseFileError) -> Failure {
    let error = ErrorChain::new(error);
    Failure::setup(format!("{error}; --state-dir sets the folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_readable_on_the_way_only_without_tls_to_another_machine() {
        for (url, expected) in [
            ("http://resolver.example:9001", true),
            ("http://192.0.2.7", true),
            ("https://resolver.example:9001", false),
            ("http://localhost:9001", false),
            ("http://127.0.0.1:9001/prefix", false),
            ("http://[::1]:9001", false),
        ] {
            let url = url.parse().unwrap();
            assert_eq!(is_readable_on_the_way(&url), expected, "{url}");
        }
    }
}
