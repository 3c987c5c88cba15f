//! Looks for what is likely to lose sessions.

use dcv_resolver_core::StoreError;
use futures_util::future::join_all;

use crate::deadline::Deadline;
use crate::eviction::Eviction;
use crate::failure::Failure;
use crate::masters::{Master, cluster_slots, masters};
use crate::origin::Origin;
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
    let failures = failures_to_reach(server, &masters).await?;
    let (mut found, mut not_asked) = (Vec::new(), None);
    for (master, failure) in masters.into_iter().zip(failures) {
        // One that cannot be reached cannot be asked.
        if let Some(failure) = failure {
            found.push(RedisWarning::unreachable(failure));
            continue;
        }
        let place = match &master.announced {
            Some(node) => node.to_string(),
            None => format!("the cluster's node {}", master.id),
        };
        match evicts(server, Some(master.slot), place, deadline).await {
            Ok(warning) => found.extend(warning),
            Err(error) => not_asked = Some(error),
        }
    }
    match not_asked {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
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

/// Connects to each master at the address that it announces, and returns for each
/// why it cannot be reached.
async fn failures_to_reach(
    server: &Supervisor,
    masters: &[Master],
) -> Result<Vec<Option<Failure>>, StoreError> {
    let Origin::Servers(servers) = server.origin() else {
        return Ok(vec![None; masters.len()]);
    };
    let dialer = &servers.dialer().await?;
    let attempts = masters.iter().map(|master| async move {
        let node = master.announced.clone()?;
        dialer.dial(&Peer::Node(node)).await.err()
    });
    Ok(join_all(attempts).await)
}
