//! Looks for what is likely to lose sessions.

use dcv_resolver_core::StoreError;
use futures_util::future::join_all;

use crate::config::Origin;
use crate::deadline::Deadline;
use crate::eviction::Eviction;
use crate::masters::{Master, cluster_slots, masters};
use crate::peer::Peer;
use crate::reply::{info, parse};
use crate::supervisor::{Idempotency, Supervisor};
use crate::warning::RedisWarning;

pub(crate) async fn warnings(server: &Supervisor) -> Result<Vec<RedisWarning>, StoreError> {
    let deadline = server.bulk_deadline();
    if !server.is_cluster(deadline).await? {
        let place = server.origin().to_string();
        return Ok(evicts(server, None, place, deadline)
            .await?
            .into_iter()
            .collect());
    }
    let reply = server
        .send(&cluster_slots(), None, Idempotency::Idempotent, deadline)
        .await?;
    let masters = masters(reply)?;
    let mut found = unreachable(server, &masters).await?;
    // One that cannot be reached cannot be asked.
    if found.is_empty() {
        for master in masters {
            let place = match &master.announced {
                Some(node) => node.to_string(),
                None => format!("the cluster's node {}", master.id),
            };
            found.extend(evicts(server, Some(master.slot), place, deadline).await?);
        }
    }
    Ok(found)
}

/// Asks the master of `slot`, or the one server, whether it evicts.
async fn evicts(
    server: &Supervisor,
    slot: Option<u16>,
    place: String,
    deadline: Deadline,
) -> Result<Option<RedisWarning>, StoreError> {
    let ask = async |section| -> Result<String, StoreError> {
        let command = info(section);
        let reply = server.send(&command, slot, Idempotency::Idempotent, deadline);
        parse(reply.await?)
    };
    let (memory, stats) = (ask("memory").await?, ask("stats").await?);
    let eviction = Eviction::read(&memory, &stats);
    Ok(eviction.map(|eviction| RedisWarning::evicts(place, eviction)))
}

/// Connects to each master at the address that it announces.
async fn unreachable(
    server: &Supervisor,
    masters: &[Master],
) -> Result<Vec<RedisWarning>, StoreError> {
    let Origin::Servers(servers) = server.origin() else {
        return Ok(Vec::new());
    };
    let dialer = &servers.dialer().await?;
    let nodes = masters.iter().filter_map(|master| master.announced.clone());
    let attempts = nodes.map(|node| async move { dialer.dial(&Peer::Node(node)).await.err() });
    let failures = join_all(attempts).await.into_iter().flatten();
    Ok(failures.map(RedisWarning::unreachable).collect())
}
