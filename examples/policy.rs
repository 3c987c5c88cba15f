//! A policy of your own over two stores: sessions under maintenance are for the
//! operators' network only.
//!
//! ```text
//! cargo run --example policy
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use dcv_resolver_core::{
    Denial, Expiry, Explainer, MemoryStore, Network, Policy, PolicyError, ResolveRequest, Resolver,
    SessionRecord, Transport, Verdict, async_trait,
};

#[derive(Debug)]
struct Maintenance {
    operators: Network,
}

#[async_trait]
impl Policy for Maintenance {
    fn name(&self) -> &str {
        "maintenance"
    }

    async fn check(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
    ) -> Result<Verdict, PolicyError> {
        let is_maintained = record.labels().contains_key("maintenance");
        // The gateway does not always send the address.
        let is_operator = (request.client_ip()).is_some_and(|ip| self.operators.contains(ip));
        if !is_maintained || is_operator {
            return Ok(Verdict::Allow);
        }
        let denial = Denial::new("the session's server is being maintained");
        Ok(Verdict::Deny(denial))
    }
}

/// Builds a resolver that looks among the sessions of agents first, then among
/// those that were written by hand.
fn resolver(agents: MemoryStore, by_hand: MemoryStore) -> Result<Resolver, Box<dyn Error>> {
    let operators = "192.0.2.0/24".parse()?;
    Ok(Resolver::builder()
        .store("agents", agents)
        .store("by_hand", by_hand)
        .policy(Maintenance { operators })
        .build()?)
}

fn session(id: &str, labels: &[(&str, &str)]) -> Result<SessionRecord, Box<dyn Error>> {
    let record = SessionRecord::builder(id.parse()?, "ws-17.dcv.example".parse()?, Expiry::Never);
    let record = record.http_port(8443).labels(labels.iter().copied());
    Ok(record.build()?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let agents = MemoryStore::from_iter([session("ann", &[])?]);
    let by_hand = MemoryStore::from_iter([session("console", &[("maintenance", "disks")])?]);
    let explainer = Explainer::new(resolver(agents, by_hand)?);

    for client in ["192.0.2.7", "203.0.113.7"] {
        let request = ResolveRequest::new("console".parse()?, Transport::Http)
            .with_client_ip(client.parse()?);
        println!("{}\n", explainer.explain(&request).await);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::testing::{Reply, ScriptedStore};
    use dcv_resolver_core::{NotFound, Outcome, StoreErrorKind};

    use super::*;

    fn request_from(client: &str) -> ResolveRequest {
        ResolveRequest::new("console".parse().unwrap(), Transport::Http)
            .with_client_ip(client.parse().unwrap())
    }

    #[tokio::test]
    async fn session_under_maintenance_is_for_operators() {
        let maintained = session("console", &[("maintenance", "disks")]).unwrap();
        let by_hand = MemoryStore::from_iter([maintained]);
        let resolver = resolver(MemoryStore::new(), by_hand).unwrap();

        let operator = resolver.resolve(&request_from("192.0.2.7")).await.unwrap();
        assert!(matches!(operator, Outcome::Found(_)));
        let other = resolver
            .resolve(&request_from("203.0.113.7"))
            .await
            .unwrap();
        assert!(matches!(other, Outcome::NotFound(NotFound::Denied { .. })));
    }

    #[tokio::test]
    async fn failing_store_is_not_skipped() {
        let down = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let by_hand = MemoryStore::from_iter([session("console", &[]).unwrap()]);
        let stores = Resolver::builder().store("agents", down);
        let resolver = stores.store("by_hand", by_hand).build().unwrap();

        let error = resolver.resolve(&request_from("192.0.2.7")).await;
        assert_eq!(error.unwrap_err().store(), Some("agents"));
    }
}
