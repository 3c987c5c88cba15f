//! `doctor`: finds out why a session cannot be reached, and `doctor contract`:
//! which rules of the contract a resolver breaks.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_client::{BaseUrl, BearerToken, HttpClient, TlsOptions};
use dcv_resolver_core::{Explanation, ResolveRequest, SessionId, async_trait};
use dcv_resolver_dcv_config::GatewayConfig;
use dcv_resolver_doctor::contract;
use dcv_resolver_doctor::{
    Doctor, ExplainRequest, ProxySettings, ResolverListener, id_in_tail, resolver_tls,
};

use crate::cli::{ContractOptions, DoctorCommand, DoctorOptions};
use crate::config::{Config, Listen, ListenAddress, Source, Store};
use crate::failure::Failure;
use crate::output::line;
use crate::store_chain::StoreChain;
use crate::store_url::StoreUrl;

/// The time limit of an explanation without `/explain`: a person waits for it.
const EXPLAIN_TIME: Duration = Duration::from_secs(3);

/// The part of it in which similar ids are searched for.
const SEARCH_TIME: Duration = Duration::from_secs(2);

/// How long the resolver may take in `doctor contract`.
const CONTRACT_TIME: Duration = Duration::from_secs(3);

pub(crate) async fn run(options: DoctorOptions) -> Result<(), Failure> {
    if let Some(DoctorCommand::Contract(options)) = options.command {
        return check_contract(options).await;
    }
    let is_json = options.json;
    let report = doctor(options)?.examine().await;
    if is_json {
        line(json(&report)?)?;
    } else {
        line(&report)?;
    }
    if report.failed {
        return Err(Failure::silent(1));
    }
    Ok(())
}

fn doctor(options: DoctorOptions) -> Result<Doctor, Failure> {
    let DoctorOptions {
        command: _,
        link,
        session,
        client_ip,
        gateway_config,
        resolver_url,
        ops_url,
        admin_token_file,
        dcv_config,
        json: _,
        config,
    } = options;
    let mut doctor = Doctor::new().proxies(ProxySettings::from_env());
    if config.config.is_some() || config.store.is_some() {
        doctor = with_configuration(doctor, Source::new(config))?;
    }
    if let Some(link) = link {
        doctor = doctor.link(link);
    }
    if let Some(session) = session {
        doctor = doctor.session(session_id("--session", &session)?);
    }
    if let Some(client_ip) = client_ip {
        doctor = doctor.client_ip(client_ip);
    }
    if let Some(path) = gateway_config {
        doctor = doctor.gateway_config(path);
    }
    if let Some(url) = resolver_url {
        doctor = doctor.resolver_url(url);
    }
    if let Some(url) = ops_url {
        doctor = doctor.ops_url(url);
    }
    if let Some(path) = admin_token_file {
        let token = BearerToken::read(&path)
            .map_err(|error| Failure::option("--admin-token-file", error))?;
        doctor = doctor.ops_token(token);
    }
    if let Some(path) = dcv_config {
        doctor = doctor.dcv_config(path);
    }
    Ok(doctor)
}

/// Parses the id of a session that `flag` gives. A link may hold a token, so it is
/// not quoted.
fn session_id(flag: &str, text: &str) -> Result<SessionId, Failure> {
    if text.contains("://") || id_in_tail(text).is_some() {
        return Err(Failure::setup(format!(
            "{flag} is a link or a part of one; give the id after its '#' alone, or the whole link to `doctor --link`"
        )));
    }
    text.parse()
        .map_err(|error| Failure::setup(format!("{flag}: {error}")))
}

/// Adds what the resolver's own configuration shows.
fn with_configuration(doctor: Doctor, source: Source) -> Result<Doctor, Failure> {
    let config = source.load()?;
    let listen = &config.listen.0;
    let has_tls = config.tls.is_some();
    let mut listener = ResolverListener::new(listen.port())
        .with_tls(has_tls)
        .with_local(listen.is_local());
    if let Some(url) = local_url(listen, "http").filter(|_| !has_tls) {
        listener = listener.with_local_url(url);
    }
    // Port 0 is a different port at each start.
    let doctor = match listen.port() {
        Some(0) => doctor,
        _ => doctor.listener(listener),
    };
    let doctor = match ops_url(&config) {
        Some(url) => doctor.ops_url(url),
        None => doctor,
    };
    Ok(doctor.explain(Arc::new(OwnStores(source))))
}

/// Returns where operators ask on this machine.
fn ops_url(config: &Config) -> Option<String> {
    let Listen::At(address) = &config.ops.listen else {
        return None;
    };
    let scheme = if config.ops.tls.is_some() {
        "https"
    } else {
        "http"
    };
    local_url(address, scheme)
}

/// Returns the URL at which this machine reaches a listener on a fixed port.
fn local_url(address: &ListenAddress, scheme: &str) -> Option<String> {
    let port = address.port().filter(|port| *port != 0)?;
    Some(match address {
        ListenAddress::Ip(ip) if ip.ip().is_unspecified() => format!("{scheme}://localhost:{port}"),
        other => format!("{scheme}://{other}"),
    })
}

/// Explains a request with the configuration and its stores, which are only read.
#[derive(Debug)]
struct OwnStores(Source);

#[async_trait]
impl ExplainRequest for OwnStores {
    async fn explain(
        &self,
        request: &ResolveRequest,
    ) -> Result<Explanation, Box<dyn Error + Send + Sync>> {
        let explaining = async {
            // Each store is called once, so a cache would only cost time.
            let config = self.0.load()?.without_caches();
            let is_memory = |store: &Store| matches!(store.url.parse(), Ok(StoreUrl::Memory));
            if config.stores.iter().any(is_memory) {
                return Err(Failure::setup(
                    "the sessions of a memory: store are only in the running resolver",
                ));
            }
            StoreChain::with_read_only(&config, async |chain| {
                let enough = tokio::time::sleep(SEARCH_TIME);
                let explainer = chain.explainer(&config)?;
                Ok(explainer.explain_until(request, enough).await)
            })
            .await
        };
        match tokio::time::timeout(EXPLAIN_TIME, explaining).await {
            Ok(explained) => explained.map_err(|failure| failure.to_string().into()),
            Err(_elapsed) => Err("the stores of the configuration did not answer in time".into()),
        }
    }
}

async fn check_contract(options: ContractOptions) -> Result<(), Failure> {
    let ContractOptions {
        resolver_url,
        known_session,
        client_ip,
        gateway_config,
        json: is_json,
    } = options;
    let known = session_id("--known-session", &known_session)?;
    let tls = match gateway_config {
        Some(path) => {
            let config = GatewayConfig::read(path)
                .map_err(|error| Failure::option("--gateway-config", error.chain()))?;
            config
                .resolver
                .as_ref()
                .map(resolver_tls)
                .unwrap_or_default()
        }
        None => TlsOptions::default(),
    };
    let resolver_url: BaseUrl = resolver_url
        .parse()
        .map_err(|error| Failure::option("--resolver-url", error))?;
    let client = HttpClient::builder(resolver_url)
        .tls(tls)
        .connect_timeout(CONTRACT_TIME)
        .response_timeout(CONTRACT_TIME)
        .build()
        .map_err(|error| Failure::option("--resolver-url", error))?;
    let report = contract::check(&client, &known, client_ip)
        .await
        .map_err(|error| Failure::setup(error.to_string()))?;
    if is_json {
        line(json(&report)?)?;
    } else {
        line(&report)?;
    }
    if report.is_kept() {
        return Ok(());
    }
    Err(Failure::silent(1))
}

fn json(report: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(report)
        .map_err(|error| Failure::setup(format!("cannot write the report: {error}")))
}
