//! A store of your own: sessions named after the machine they run on, found in
//! the inventory of a service.
//!
//! ```text
//! cargo run --example custom_store
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::{PoisonError, RwLock};

use dcv_resolver_core::{
    Expiry, ResolveRequest, Resolver, SessionId, SessionRecord, SessionStore, StoreError,
    StoreErrorKind, Transport, async_trait,
};

/// Addresses by machine name.
#[derive(Debug)]
struct Inventory(RwLock<HashMap<String, String>>);

#[async_trait]
impl SessionStore for Inventory {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let addresses = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let address = addresses.get(id.as_str());
        // Invalid data is an error, never "no such session".
        let corrupt = StoreError::new("inventory", StoreErrorKind::CorruptRecord);
        let record = address.map(|address| console(id, address)).transpose();
        record.map_err(|error| corrupt.with_source(error))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn console(id: &SessionId, address: &str) -> Result<SessionRecord, Box<dyn Error + Send + Sync>> {
    let record = SessionRecord::builder(id.clone(), address.parse()?, Expiry::Never)
        .target_id(SessionId::new("console")?)
        .http_port(8443);
    Ok(record.build()?)
}

fn inventory(address: &str) -> Inventory {
    Inventory(RwLock::new([("ws-17".into(), address.into())].into()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let resolver = Resolver::new(inventory("192.0.2.17"));
    for id in ["ws-17", "ws-18"] {
        let request = ResolveRequest::new(id.parse()?, Transport::Http);
        println!("{id}: {:?}", resolver.resolve(&request).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lookup(address: &str) -> Result<Option<SessionRecord>, StoreError> {
        inventory(address).lookup(&"ws-17".parse().unwrap()).await
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
