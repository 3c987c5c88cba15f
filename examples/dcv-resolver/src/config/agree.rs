//! What fits together in a configuration, and what does not.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::spelling::nearest;
use super::text::Listen;
use super::{Admin, Config};

/// What does not fit, and the value at fault: a path of keys and of positions
/// in lists, empty for what is missing from the whole.
pub(super) struct Disagreement {
    pub(super) path: Vec<String>,
    pub(super) message: String,
}

/// All that does not fit.
pub(super) fn disagreements(config: &Config) -> Vec<Disagreement> {
    let mut found = Disagreements(Vec::new());
    stores(config, &mut found);
    if let Some(admin) = &config.admin {
        self::admin(admin, config, &mut found);
    }
    if let Listen::At(ops) = config.ops.listen
        && is_taken_by(config.listen.0, ops)
    {
        found.add(
            "ops.listen",
            format!(
                "`ops.listen` is {ops}, which `listen` has taken for the gateways; give it another port"
            ),
        );
    }
    if config.limits.burst.is_some() && config.limits.requests_per_second.is_none() {
        found.add(
            "limits.burst",
            "`limits.burst` says nothing without `limits.requests_per_second`".to_owned(),
        );
    }
    if config.telemetry.otlp_endpoint.is_some() && !cfg!(feature = "otel") {
        found.add(
            "telemetry.otlp_endpoint",
            "this build exports no traces; build it with the feature otel, or leave `telemetry.otlp_endpoint` out".to_owned(),
        );
    }
    found.0
}

/// Whether listening at `first` leaves `second` to nobody else. All addresses
/// include the one; `[::]` has those of IPv4 as well.
fn is_taken_by(first: SocketAddr, second: SocketAddr) -> bool {
    let all_or_same = first.ip() == second.ip()
        || [first, second]
            .iter()
            .any(|address| address.ip().is_unspecified());
    first.port() == second.port() && first.port() != 0 && all_or_same
}

struct Disagreements(Vec<Disagreement>);

impl Disagreements {
    fn add(&mut self, path: &str, message: String) {
        self.0.push(Disagreement {
            path: path.split_terminator('.').map(str::to_owned).collect(),
            message,
        });
    }
}

fn stores(config: &Config, found: &mut Disagreements) {
    if config.stores.is_empty() {
        found.add(
            "",
            "there is no store; give --store URL, or [[stores]] in a file".to_owned(),
        );
    }
    let mut names = BTreeSet::new();
    for (position, store) in config.stores.iter().enumerate() {
        let name = store.name.as_str();
        if store.cache.is_some() && store.url.is_in_memory() {
            found.add(
                &format!("stores.{position}.cache"),
                format!(
                    "store {name:?} is in memory as it is; `cache` is for sqlite: and redis: stores, leave it out"
                ),
            );
        }
        if !names.insert(name) {
            found.add(
                &format!("stores.{position}.name"),
                format!("there is a store {name:?} already"),
            );
        }
    }
}

fn admin(admin: &Admin, config: &Config, found: &mut Disagreements) {
    if config.ops.listen == Listen::Off {
        found.add(
            "admin",
            "the admin API is on the listener for operators, and `ops.listen` is \"off\""
                .to_owned(),
        );
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
                format!("there is no store {:?}; {hint}", name.as_str()),
            );
        }
        (None, None) if names.len() > 1 => found.add(
            "admin",
            format!(
                "[admin] needs `store`, since there is more than one: {}",
                names.join(", ")
            ),
        ),
        (_, Some(store)) if store.url.is_session_file() => found.add(
            "admin",
            format!(
                "the store {:?} is a session file, which is read-only; administer a sqlite: or redis: store",
                store.name.as_str()
            ),
        ),
        _ => {}
    }
}
