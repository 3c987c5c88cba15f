//! [`ClientNetworks`]: which networks a session's clients may come from.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use async_trait::async_trait;

use crate::{
    Denial, Network, Policy, PolicyError, ResolveRequest, SessionId, SessionRecord, Verdict,
};

/// A [`Policy`] that requires a session's clients to come from certain
/// networks.
///
/// The first of these rules that exists for a session applies:
///
/// 1. the networks of the [session](Self::session) itself,
/// 2. the networks of its [labels](Self::label); if several labels have
///    networks, a client may come from any of them,
/// 3. the [default](Self::default_networks).
///
/// A session without a rule is open to all clients, including unknown ones. A
/// rule with no networks denies every client, including unknown ones.
///
/// # Client addresses behind a load balancer
///
/// The gateway sends the client address that it sees. Behind a load balancer
/// that does not preserve client addresses, it sees the load balancer's
/// address. List the load balancer's networks with
/// [`load_balancers`](Self::load_balancers): an address in them then counts as
/// unknown, like one that the gateway omits. You must choose what an unknown
/// client may do; there is no default. If the load balancer hides all client
/// addresses, `Deny` denies restricted sessions to every client, and `Allow`
/// restricts no client.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Setting up a
/// Session Resolver", on `clientIpAddress`.
///
/// ```
/// use dcv_resolver_core::{
///     ClientNetworks, Expiry, MemoryStore, NotFound, Outcome, ResolveRequest, Resolver,
///     SessionRecord, Transport, UnknownClient,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
///     .http_port(8443)
///     .label("project", "cad")
///     .build()?;
/// let policy = ClientNetworks::new(UnknownClient::Deny)
///     .load_balancers(["198.51.100.0/28".parse()?])
///     .label("project", "cad", ["192.0.2.0/24".parse()?]);
/// let store = MemoryStore::from_iter([record]);
/// let resolver = Resolver::builder().store("agents", store).policy(policy).build()?;
///
/// let request = ResolveRequest::new("console".parse()?, Transport::Http);
/// let inside = request.clone().with_client_ip("192.0.2.7".parse()?);
/// assert!(matches!(resolver.resolve(&inside).await?, Outcome::Found(_)));
/// let hidden = request.with_client_ip("198.51.100.3".parse()?);
/// let Outcome::NotFound(not_found) = resolver.resolve(&hidden).await? else { panic!("found") };
/// assert_eq!(not_found.to_string(), "the client's address is not known, and the session is not open to unknown clients");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ClientNetworks {
    unknown_client: UnknownClient,
    load_balancers: Vec<Network>,
    sessions: HashMap<SessionId, Vec<Network>>,
    /// By name, then by value.
    labels: BTreeMap<String, BTreeMap<String, Vec<Network>>>,
    default: Option<Vec<Network>>,
}

/// What a client with an unknown address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownClient {
    /// Reach every session, restricted or not, except those whose rule has no
    /// networks.
    Allow,
    /// Reach only the sessions that are open to all.
    Deny,
}

impl ClientNetworks {
    /// Creates a policy without rules: every session is open to all clients.
    #[must_use]
    pub fn new(unknown_client: UnknownClient) -> Self {
        Self {
            unknown_client,
            load_balancers: Vec::new(),
            sessions: HashMap::new(),
            labels: BTreeMap::new(),
            default: None,
        }
    }

    /// Adds the networks of load balancers: a client address in them counts as
    /// unknown.
    #[must_use]
    pub fn load_balancers(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.load_balancers.extend(networks);
        self
    }

    /// Sets the networks for the session `id`, replacing any set before.
    #[must_use]
    pub fn session(mut self, id: SessionId, networks: impl IntoIterator<Item = Network>) -> Self {
        self.sessions.insert(id, networks.into_iter().collect());
        self
    }

    /// Sets the networks for sessions whose label `name` has this value,
    /// replacing any set before.
    #[must_use]
    pub fn label(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
        networks: impl IntoIterator<Item = Network>,
    ) -> Self {
        self.labels
            .entry(name.into())
            .or_default()
            .insert(value.into(), networks.into_iter().collect());
        self
    }

    /// Sets the networks for every other session, replacing any set before.
    #[must_use]
    pub fn default_networks(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.default = Some(networks.into_iter().collect());
        self
    }

    /// Returns the networks of the rule for the session; empty where there is
    /// none.
    fn rule_for(&self, record: &SessionRecord) -> Vec<&[Network]> {
        if let Some(networks) = self.sessions.get(record.id()) {
            return vec![networks];
        }
        let of_labels: Vec<&[Network]> = record
            .labels()
            .iter()
            .filter_map(|(name, value)| self.labels.get(name)?.get(value).map(Vec::as_slice))
            .collect();
        if of_labels.is_empty() {
            return self.default.as_deref().into_iter().collect();
        }
        of_labels
    }

    /// Returns the client's address, unless it is a load balancer's.
    fn client(&self, request: &ResolveRequest) -> Option<IpAddr> {
        request.client_ip().filter(|&address| {
            let is_of = |network: &Network| network.contains(address);
            !self.load_balancers.iter().any(is_of)
        })
    }
}

#[async_trait]
impl Policy for ClientNetworks {
    fn name(&self) -> &str {
        "client_networks"
    }

    async fn check(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, PolicyError> {
        let rule = self.rule_for(record);
        if rule.is_empty() {
            return Ok(Verdict::Allow);
        }
        let networks: Vec<&Network> = rule.into_iter().flatten().collect();
        let denied = match (self.client(request), self.unknown_client) {
            _ if networks.is_empty() => "the session is not open to any client",
            (Some(client), _) if networks.iter().any(|network| network.contains(client)) => {
                return Ok(Verdict::Allow);
            }
            (Some(_), _) => "the client's address is not in a network that the session is open to",
            (None, UnknownClient::Allow) => return Ok(Verdict::Allow),
            (None, UnknownClient::Deny) => {
                "the client's address is not known, and the session is not open to unknown clients"
            }
        };
        Ok(Verdict::Deny(Denial::new(denied)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expiry, Transport};

    const INSIDE: &str = "192.0.2.7";
    const OUTSIDE: &str = "203.0.113.7";
    const BALANCER: &str = "198.51.100.3";

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn record(labels: &[(&str, &str)]) -> SessionRecord {
        let (id, host) = ("console".parse().unwrap(), "ws.example".parse().unwrap());
        let builder = SessionRecord::builder(id, host, Expiry::Never).http_port(8443);
        let labelled = labels.iter().fold(builder, |builder, &(name, value)| {
            builder.label(name, value)
        });
        labelled.build().unwrap()
    }

    async fn allows(policy: &ClientNetworks, record: &SessionRecord, client: Option<&str>) -> bool {
        let mut request = ResolveRequest::new(record.id().clone(), Transport::Http);
        if let Some(client) = client {
            request = request.with_client_ip(client.parse().unwrap());
        }
        policy.check(&request, record).await.unwrap() == Verdict::Allow
    }

    #[tokio::test]
    async fn session_without_a_rule_is_open_to_every_client() {
        let policy = ClientNetworks::new(UnknownClient::Deny)
            .session("other".parse().unwrap(), [])
            .label("project", "cad", []);
        for client in [Some(INSIDE), Some(OUTSIDE), None] {
            assert!(allows(&policy, &record(&[("project", "cfd")]), client).await);
        }
    }

    #[tokio::test]
    async fn session_rule_overrides_label_rule_which_overrides_default() {
        let default =
            ClientNetworks::new(UnknownClient::Deny).default_networks(networks(&["192.0.2.0/24"]));
        let label = default
            .clone()
            .label("project", "cad", networks(&["203.0.113.0/24"]));
        let session = label
            .clone()
            .session("console".parse().unwrap(), networks(&["2001:db8::/32"]));
        let record = record(&[("project", "cad")]);
        for (policy, open_to) in [
            (default, INSIDE),
            (label, OUTSIDE),
            (session, "2001:db8::7"),
        ] {
            for client in [INSIDE, OUTSIDE, "2001:db8::7"] {
                let allowed = allows(&policy, &record, Some(client)).await;
                assert_eq!(allowed, client == open_to, "{client}");
            }
        }
    }

    #[tokio::test]
    async fn client_in_the_networks_of_any_label_is_allowed() {
        let policy = ClientNetworks::new(UnknownClient::Deny)
            .label("project", "cad", networks(&["192.0.2.0/24"]))
            .label("team", "a", networks(&["203.0.113.0/24"]));
        let record = record(&[("project", "cad"), ("team", "a"), ("x", "y")]);
        assert!(allows(&policy, &record, Some(INSIDE)).await);
        assert!(allows(&policy, &record, Some(OUTSIDE)).await);
        assert!(!allows(&policy, &record, Some("2001:db8::7")).await);
    }

    #[tokio::test]
    async fn rule_without_networks_denies_every_client() {
        let policy = ClientNetworks::new(UnknownClient::Allow).default_networks([]);
        for client in [Some(INSIDE), None] {
            assert!(!allows(&policy, &record(&[]), client).await);
        }
    }

    #[tokio::test]
    async fn load_balancer_address_counts_as_unknown_client() {
        for (unknown, allowed) in [(UnknownClient::Allow, true), (UnknownClient::Deny, false)] {
            // The load balancer lies in the allowed network, but is still
            // unknown.
            let policy = ClientNetworks::new(unknown)
                .load_balancers(networks(&["198.51.100.0/28"]))
                .default_networks(networks(&["198.51.100.0/24"]));
            assert_eq!(allows(&policy, &record(&[]), Some(BALANCER)).await, allowed);
            assert_eq!(allows(&policy, &record(&[]), None).await, allowed);
            assert!(allows(&policy, &record(&[]), Some("198.51.100.77")).await);
        }
    }
}
