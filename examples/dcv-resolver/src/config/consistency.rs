//! [`Inconsistency`]: values of a configuration that contradict each other.

use std::collections::BTreeSet;

use super::listen_address::ListenAddress;
use super::spelling::nearest;
use super::text::Listen;
use super::{Admin, Config, Store};
use crate::store_url::{StoreKind, StoreUrl};

/// A contradiction, and the value at fault: a path of keys and of positions in
/// lists, empty if something is missing from the file.
pub(super) struct Inconsistency {
    pub(super) path: Vec<String>,
    pub(super) message: String,
    /// The keys on which the contradiction depends.
    concerns: &'static [&'static str],
}

impl Inconsistency {
    /// Returns whether it depends on one of `keys` or of the keys below them.
    pub(super) fn depends_on(&self, keys: &[String]) -> bool {
        let is_below = |key: &str, above: &str| {
            let rest = key.strip_prefix(above);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let depends = |key: &String| {
            let mut concerns = self.concerns.iter();
            concerns.any(|concern| is_below(concern, key) || is_below(key, concern))
        };
        keys.iter().any(depends)
    }
}

/// Returns every inconsistency.
pub(super) fn inconsistencies(config: &Config) -> Vec<Inconsistency> {
    let mut found = Inconsistencies(Vec::new());
    stores(config, &mut found);
    if let Some(admin) = &config.admin {
        self::admin(admin, config, &mut found);
    }
    if let Listen::At(ops) = &config.ops.listen
        && config.listen.0.occupies(ops)
    {
        found.add(
            "ops.listen",
            &["ops.listen", "listen"],
            format!(
                "`ops.listen` is {ops}, which `listen` uses for the gateways; set another {}",
                if ops.port().is_some() { "port" } else { "path" },
            ),
        );
    }
    if let ListenAddress::Unix(_) = config.listen.0 {
        let without_address = "the callers of a Unix socket have no address; the permissions of its file and folder decide who may connect";
        if config.callers.allowed_networks.is_some() {
            found.add(
                "callers.allowed_networks",
                &["listen"],
                format!("{without_address}, so remove `callers.allowed_networks`"),
            );
        }
        if config.proxy_protocol.is_some() {
            found.add(
                "proxy_protocol",
                &["listen"],
                format!("{without_address}, so remove [proxy_protocol]"),
            );
        }
    }
    if config.limits.burst.is_some() && config.limits.requests_per_second.is_none() {
        found.add(
            "limits.burst",
            &["limits.requests_per_second"],
            "`limits.burst` has no effect without `limits.requests_per_second`; set both or neither".to_owned(),
        );
    }
    if config.telemetry.otlp_endpoint.is_some() && !cfg!(feature = "otel") {
        found.add(
            "telemetry.otlp_endpoint",
            &["telemetry"],
            "this build exports no traces; build with the feature otel, or remove `telemetry.otlp_endpoint`".to_owned(),
        );
    }
    found.0
}

struct Inconsistencies(Vec<Inconsistency>);

impl Inconsistencies {
    fn add(&mut self, path: &str, concerns: &'static [&'static str], message: String) {
        self.0.push(Inconsistency {
            path: path.split_terminator('.').map(str::to_owned).collect(),
            message,
            concerns,
        });
    }
}

fn stores(config: &Config, found: &mut Inconsistencies) {
    if config.stores.is_empty() {
        found.add(
            "",
            &["stores"],
            "there is no store; give --store URL, or add [[stores]] to a file".to_owned(),
        );
    }
    let mut names = BTreeSet::new();
    for (position, store) in config.stores.iter().enumerate() {
        let name = store.name.as_str();
        if store.cache.is_some() && store.url.is_in_memory() {
            found.add(
                &format!("stores.{position}.cache"),
                &["stores.cache", "stores.url"],
                format!(
                    "store {name:?} is in memory already; `cache` is for other stores, remove it"
                ),
            );
        }
        redis(position, store, found);
        upstream(position, store, found);
        if !names.insert(name) {
            found.add(
                &format!("stores.{position}.name"),
                &["stores.name"],
                format!("there is already a store {name:?}; rename one"),
            );
        }
    }
}

fn redis(position: usize, store: &Store, found: &mut Inconsistencies) {
    let Some(settings) = &store.redis else {
        return;
    };
    let path = format!("stores.{position}.redis");
    let Ok(StoreUrl::Redis(config)) = store.url.parse() else {
        let message = format!(
            "store {:?} is not a redis: store; remove `redis`",
            store.name.as_str()
        );
        return found.add(&path, &["stores"], message);
    };
    for (key, problem) in settings.inconsistencies(&config) {
        found.add(&format!("{path}.{key}"), &["stores"], problem);
    }
}

fn upstream(position: usize, store: &Store, found: &mut Inconsistencies) {
    let Some(settings) = &store.upstream else {
        return;
    };
    let path = format!("stores.{position}.upstream");
    let Ok(StoreUrl::Upstream(config)) = store.url.parse() else {
        let message = format!(
            "store {:?} is not an https: or http: store; remove `upstream`",
            store.name.as_str()
        );
        return found.add(&path, &["stores"], message);
    };
    for (key, problem) in settings.inconsistencies(&config) {
        found.add(&format!("{path}.{key}"), &["stores"], problem);
    }
}

fn admin(admin: &Admin, config: &Config, found: &mut Inconsistencies) {
    if config.ops.listen == Listen::Off {
        found.add(
            "admin",
            &["ops.listen"],
            "the admin API is on the listener for operators, and `ops.listen` is \"off\""
                .to_owned(),
        );
    }
    // A name is checked once it is resolved.
    if let Listen::At(ListenAddress::Ip(address)) = &config.ops.listen
        && let Some(message) = config.plaintext_admin(*address, config.ops.tls.is_some())
    {
        let concerns = &["ops.listen", "ops.tls", "admin.allow_plaintext"];
        found.add("admin", concerns, message);
    }
    let names: Vec<_> = config
        .stores
        .iter()
        .map(|store| store.name.as_str())
        .collect();
    match (&admin.store, config.admin_store()) {
        (Some(name), None) => {
            let hint = match nearest(name.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("the stores are {}", names.join(", ")),
            };
            found.add(
                "admin.store",
                &["admin.store", "stores.name"],
                format!("there is no store {:?}; {hint}", name.as_str()),
            );
        }
        (None, None) if names.len() > 1 => found.add(
            "admin",
            &["admin.store", "stores.name"],
            format!(
                "[admin] needs `store`, since there is more than one: {}",
                names.join(", ")
            ),
        ),
        (_, Some(store)) if store.url.kind() == Some(StoreKind::File) => found.add(
            "admin",
            &["admin.store", "stores.name", "stores.url"],
            format!(
                "the store {:?} is a session file, which is read-only; administer a sqlite: or redis: store",
                store.name.as_str()
            ),
        ),
        (_, Some(store)) if !store.url.is_registry() => found.add(
            "admin",
            &["admin.store", "stores.name", "stores.url"],
            format!(
                "the store {:?} is another resolver, which can only be asked; administer a sqlite: or redis: store",
                store.name.as_str()
            ),
        ),
        _ => {}
    }
}
