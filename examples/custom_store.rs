//! A store of your own: sessions named after the machine they run on, found in
//! an inventory that another part of the service keeps.
//!
//! ```text
//! cargo run --example custom_store
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};

use dcv_resolver_core::{
    Expiry, Outcome, ResolveRequest, Resolver, SessionId, SessionRecord, SessionStore, StoreError,
    StoreErrorKind, Transport, async_trait,
};

/// Machine name → address.
type Inventory = HashMap<String, String>;

#[derive(Debug)]
struct InventoryStore(Arc<RwLock<Inventory>>);

#[async_trait]
impl SessionStore for InventoryStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let inventory = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(address) = inventory.get(id.as_str()) else {
            return Ok(None);
        };
        // Invalid data is an error, never "no such session".
        let corrupt = || StoreError::new("inventory", StoreErrorKind::CorruptRecord);
        let host = address
            .parse()
            .map_err(|error| corrupt().with_source(error))?;
        SessionRecord::builder(id.clone(), host, Expiry::Never)
            .target_id(SessionId::new("console").map_err(|error| corrupt().with_source(error))?)
            .http_port(8443)
            .build()
            .map(Some)
            .map_err(|error| corrupt().with_source(error))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let inventory = Inventory::from([("ws-17".to_owned(), "192.0.2.17".to_owned())]);
    let resolver = Resolver::new(InventoryStore(Arc::new(RwLock::new(inventory))));

    for id in ["ws-17", "ws-18"] {
        let request = ResolveRequest::new(id.parse()?, Transport::Http);
        match resolver.resolve(&request).await? {
            Outcome::Found(found) => println!("{id}: {}", serde_json::to_string(&found)?),
            Outcome::NotFound(not_found) => println!("{id}: {not_found}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lookup(address: &str) -> Result<Option<SessionRecord>, StoreError> {
        let inventory = Inventory::from([("ws-17".to_owned(), address.to_owned())]);
        InventoryStore(Arc::new(RwLock::new(inventory)))
            .lookup(&SessionId::new("ws-17").unwrap())
            .await
    }

    #[tokio::test]
    async fn machine_in_the_inventory_is_a_console_session() {
        let record = lookup("192.0.2.17").await.unwrap().unwrap();
        assert_eq!(record.target_id().as_str(), "console");
        assert_eq!(record.host().as_str(), "192.0.2.17");
    }

    #[tokio::test]
    async fn invalid_address_is_an_error_and_not_an_absence() {
        let error = lookup("https://ws-17").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
    }
}
