//! `check`: validates the configuration and prints what would be served.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use dcv_resolver_admin::BearerTokens;
use dcv_resolver_core::{Network, SessionId, StoreErrorKind};
use dcv_resolver_server::tls::Tls;

use crate::certificates::{self, Summary};
use crate::cli::CheckOptions;
use crate::config::{Admin, ClientNetworks, Config, ConfigError, Source, Store, UnknownClient};
use crate::failure::Failure;
use crate::open_store::{Access, OpenStore, Purpose};
use crate::output::line;
use crate::store_url::{StoreKind, StoreUrl};
use crate::{cli, file_modes, list, output, session_file, table};

pub(crate) async fn run(options: CheckOptions) -> Result<(), Failure> {
    let source = Source::new(options.config);
    let config = source.load().map_err(|error| match error {
        ConfigError::Invalid { .. } => {
            Failure::negative(format!("the configuration is invalid:\n{error}"))
        }
        _ => error.into(),
    })?;
    match (source.file(), &config.stores[..]) {
        // The sessions of another resolver cannot be listed.
        (None, [store]) if store.url.kind() != Some(StoreKind::Upstream) => {
            if options.session.is_none() {
                return sessions(store).await;
            }
        }
        (file, _) => everything(file, &config).await?,
    }
    match options.session {
        Some(id) => session(&id, &config.stores).await,
        None => Ok(()),
    }
}

/// Prints one session, from the first store that holds it.
async fn session(id: &SessionId, stores: &[Store]) -> Result<(), Failure> {
    for store in stores {
        let url = store
            .store_url()
            .map_err(|error| Failure::setup(error.to_string()))?;
        let found = OpenStore::with(url, Purpose::Read, async |store| {
            let looked_up = store.store().lookup(id).await;
            looked_up.map_err(|error| store.failure(&error))
        });
        if let Some(record) = found.await? {
            return table::print(&[record]);
        }
    }
    Err(Failure::negative(format!(
        "no store holds the session {:?}",
        id.as_str()
    )))
}

/// Prints the sessions of a store.
async fn sessions(store: &Store) -> Result<(), Failure> {
    let url = match store.url.option()? {
        StoreUrl::File(path) => {
            let file = session_file::read(&path)?;
            for warning in file.warnings() {
                output::warn(warning);
            }
            table::print(file.sessions())?;
            return file.patterns().iter().try_for_each(|pattern| {
                let (expression, host) = (pattern.expression(), pattern.host());
                line(format_args!(
                    "pattern {pattern}: {expression:?} leads to {host:?}"
                ))
            });
        }
        url => url,
    };
    OpenStore::with(url, Purpose::Read, async |store| {
        for warning in store.warnings_or_why_not().await {
            output::warn(warning);
        }
        let listed = list::all(store).await?;
        table::print(&listed.records)?;
        listed.ensure_complete(store)
    })
    .await
}

/// Checks everything and prints a line for each check, also after one fails.
async fn everything(file: Option<&Path>, config: &Config) -> Result<(), Failure> {
    let mut report = Report::default();
    if let Some(file) = file {
        report.ok("configuration", file.display())?;
    }
    let Config {
        listen,
        time_budget_ms,
        tls,
        callers,
        proxy_protocol,
        ops,
        admin,
        policy,
        shutdown,
        log,
        ..
    } = config;
    report.ok("listen", &listen.0)?;
    if let Some(files) = tls {
        certificates("", certificates::load(files), &mut report)?;
    }
    report.ok("operators", &ops.listen)?;
    if let Some(files) = &ops.tls {
        let loaded = certificates::load_for_operators(files);
        certificates("operators' ", loaded, &mut report)?;
    }
    if let Some(admin) = admin {
        report.add("admin API", tokens(admin, config))?;
    }
    for store in &config.stores {
        let budget = store.time_budget_ms.unwrap_or(*time_budget_ms);
        let mut warnings = Vec::new();
        let is_administered = admin.is_some() && config.admin_store() == Some(store);
        let checked =
            self::store(store, budget.milliseconds(), is_administered, &mut warnings).await;
        let what = format!("store {}", store.name.as_str());
        report.add(&what, checked)?;
        for warning in warnings {
            report.warn(&what, warning)?;
        }
    }
    report.ok(
        "callers",
        match &callers.allowed_networks {
            Some(networks) => format!("from {}", joined(networks)),
            None => "from everywhere".to_owned(),
        },
    )?;
    if let Some(proxy_protocol) = proxy_protocol {
        report.ok(
            "PROXY protocol",
            format!("from {}", joined(&proxy_protocol.from)),
        )?;
    }
    if let Some(policy) = &policy.client_networks {
        report.ok("client networks", rules(policy))?;
    }
    report.ok("time budget", format_args!("{time_budget_ms} ms"))?;
    report.ok(
        "shutdown",
        format_args!(
            "{} ms drain, {} ms grace",
            shutdown.drain_ms, shutdown.grace_ms
        ),
    )?;
    report.ok(
        "log",
        format_args!("{}, {}", log.format.as_str(), log.level),
    )?;
    for warning in file_modes::warnings(config, file) {
        report.warn("files", warning)?;
    }
    for warning in cli::warnings() {
        report.warn("environment", warning)?;
    }
    report.finish()
}

/// Checks the certificates of a listener, and warns about what clients may refuse.
fn certificates(
    listener: &str,
    loaded: Result<Tls, Failure>,
    report: &mut Report,
) -> Result<(), Failure> {
    let what = &format!("{listener}TLS");
    let tls = match loaded {
        Ok(tls) => tls,
        Err(failure) => return report.add(what, Err(failure)),
    };
    let summary = Summary(&tls).to_string();
    report.add(
        what,
        if certificates::is_valid_now(&tls) {
            Ok(summary)
        } else {
            Err(Failure::setup(format!("{summary}; it is not valid now")))
        },
    )?;
    for warning in tls.warnings() {
        report.warn(what, warning)?;
    }
    let anchor = certificates::trust_anchor(&tls).unwrap_or_default();
    report.ok(
        &format!("{listener}chain"),
        format_args!(
            "{} certificates; clients must trust {anchor}",
            tls.chain().len()
        ),
    )?;
    let what = &format!("{listener}client CAs");
    match certificates::client_ca_expires_at(&tls) {
        Some(at) => report.ok(
            what,
            format_args!("{}, the first until {at}", tls.client_cas().len()),
        ),
        None => report.ok(what, "none; callers need no certificate"),
    }
}

/// Reads the tokens and returns their number.
fn tokens(admin: &Admin, config: &Config) -> Result<String, Failure> {
    let tokens = BearerTokens::load(&admin.tokens_file)
        .map_err(|error| Failure::setup(error.to_string()))?;
    // A configuration that names no store is refused.
    let store = config.admin_store().map_or("", |store| store.name.as_str());
    Ok(format!("for store {store}, {} tokens", tokens.count()))
}

fn joined(networks: &[Network]) -> String {
    let networks: Vec<_> = networks.iter().map(|network| network.to_string()).collect();
    networks.join(", ")
}

fn rules(policy: &ClientNetworks) -> String {
    let unknown = match policy.unknown_client {
        UnknownClient::Allow => "allowed",
        UnknownClient::Deny => "denied",
    };
    let default = match &policy.default {
        Some(networks) => joined(networks),
        None => "every network".to_owned(),
    };
    format!(
        "{} sessions and {} labels have their own, the rest {default}; {} load balancers' networks; unknown clients are {unknown}",
        policy.sessions.len(),
        policy.labels.len(),
        policy.load_balancers.len(),
    )
}

/// Opens a store, pings it and checks whether it can be written.
async fn store(
    store: &Store,
    budget: Duration,
    is_administered: bool,
    warnings: &mut Vec<String>,
) -> Result<String, Failure> {
    let url = store
        .store_url()
        .map_err(|error| Failure::setup(error.to_string()))?;
    let place = url.place();
    // A check migrates nothing.
    let open = OpenStore::named(place.clone(), url, Purpose::WriteUnmigrated).await?;
    if let Access::ReadOnly(file) = &open.access {
        let patterns = match file.pattern_count() {
            0 => String::new(),
            count => format!(" and has {count} patterns"),
        };
        let sessions = file.session_count();
        warnings.extend(file.warnings());
        return Ok(format!("{place} holds {sessions} sessions{patterns}"));
    }
    let calls = async {
        open.store().ping().await?;
        let Access::ReadWrite(registry) = &open.access else {
            return Ok(());
        };
        warnings.extend(open.database_warnings(store.migrate).await?);
        match registry.check_writable().await {
            // `serve` migrates it first, as the warning says.
            Err(error) if store.migrate && error.kind() == StoreErrorKind::Incompatible => Ok(()),
            // Only the admin API writes.
            Err(error) if !is_administered => {
                warnings.push(open.failure(&error).to_string());
                Ok(())
            }
            checked => checked,
        }
    };
    let checked = match tokio::time::timeout(budget, calls).await {
        Ok(Ok(())) => Ok(format!("{place} answers{}", cache(store))),
        Ok(Err(error)) => Err(open.failure(&error)),
        Err(_) => Err(Failure::setup(format!(
            "{place} does not answer within {} ms",
            budget.as_millis()
        ))),
    };
    if checked.is_ok() {
        warnings.extend(open.warnings_or_why_not().await);
    }
    open.close().await;
    checked
}

/// Describes the cache of a store, unless the store itself is in memory.
fn cache(store: &Store) -> String {
    match store.cache() {
        None if store.url.is_in_memory() => String::new(),
        None => "; no cache".to_owned(),
        Some(cache) => format!("; cache of up to {} MiB", cache.max_bytes.bytes() >> 20),
    }
}

/// Prints one line for each check.
#[derive(Default)]
struct Report {
    checked: usize,
    failed: usize,
}

impl Report {
    fn ok(&mut self, what: &str, found: impl Display) -> Result<(), Failure> {
        self.checked += 1;
        line(format_args!("ok    {what}: {found}"))
    }

    fn warn(&self, what: &str, warning: impl Display) -> Result<(), Failure> {
        line(format_args!("warn  {what}: {warning}"))
    }

    fn add(&mut self, what: &str, checked: Result<String, Failure>) -> Result<(), Failure> {
        match checked {
            Ok(found) => self.ok(what, found),
            Err(failure) => {
                self.checked += 1;
                self.failed += 1;
                line(format_args!("FAIL  {what}: {failure}"))
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let Self { checked, failed } = self;
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::negative(format!(
            "{failed} of {checked} checks failed"
        )))
    }
}
