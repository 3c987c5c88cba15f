//! How much is kept.

use std::time::Duration;

use dcv_resolver_cache::CacheConfig;
use dcv_resolver_core::{Expiry, SessionRecord, SessionStore};

use crate::support::{Backend, cached, id, port_of, record};

#[tokio::test(start_paused = true)]
async fn entries_stay_within_max_bytes() {
    const BOUND: u64 = 1 << 20;
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().max_bytes(1 << 20));
    for index in 0..10_000 {
        let id = id(&format!("session-{index}"));
        if index % 2 == 0 {
            backend.put(record(&id, 1, Expiry::Never));
        }
        port_of(&store, &id).await;
        assert!(store.stats().size_bytes <= BOUND);
    }
    let entries = store.stats().entries;
    assert!(entries > 1_000, "{entries} entries");
    assert!(entries < 10_000, "{entries} entries");
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_do_not_evict_ids_in_use() {
    let backend = Backend::new();
    let config = CacheConfig::default()
        .max_bytes(1 << 20)
        .ttl(Duration::from_secs(3600));
    let store = cached(&backend, config);
    let in_use: Vec<_> = (0..100).map(|index| id(&format!("ws-{index}"))).collect();
    for id in &in_use {
        backend.put(record(id, 1, Expiry::Never));
    }
    let mut guessed = 0;
    for _ in 0..200 {
        for id in &in_use {
            port_of(&store, id).await;
        }
        for _ in 0..200 {
            guessed += 1;
            port_of(&store, &id(&format!("guess-{guessed}"))).await;
        }
    }
    let calls_in_use = backend.calls() - guessed;
    assert!(calls_in_use <= 200, "{calls_in_use} calls");
}

#[tokio::test(start_paused = true)]
async fn record_larger_than_the_cache_is_returned_and_not_cached() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().max_bytes(64 << 10));
    let host = "ws.example".parse().unwrap();
    let large = SessionRecord::builder(id("large"), host, Expiry::Never)
        .http_port(1)
        .label("note", "x".repeat(1 << 20))
        .build()
        .unwrap();
    backend.put(large.clone());
    for calls in 1..3 {
        assert_eq!(store.lookup(large.id()).await.unwrap(), Some(large.clone()));
        assert_eq!(backend.calls(), calls);
    }
    assert_eq!(store.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn record_that_grows_too_large_replaces_its_entry() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().max_bytes(64 << 10));
    let small = record(&id("growing"), 1, Expiry::Never);
    backend.put(small.clone());
    assert_eq!(store.lookup(small.id()).await.unwrap(), Some(small.clone()));
    let large = small
        .to_builder()
        .label("note", "x".repeat(1 << 20))
        .build()
        .unwrap();
    backend.put(large.clone());
    tokio::time::advance(Duration::from_secs(30)).await;
    for _ in 0..2 {
        assert_eq!(store.lookup(small.id()).await.unwrap(), Some(large.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn zero_bytes_cache_nothing() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().max_bytes(0));
    for calls in 1..5 {
        assert_eq!(port_of(&store, &id("console")).await, None);
        assert_eq!(backend.calls(), calls);
    }
}
