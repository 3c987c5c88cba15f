//! Runs futures at the same time.

use std::sync::Arc;

use tokio::sync::Barrier;

/// Starts each future on its own task, all at the same moment, and returns their
/// outputs in order.
pub(crate) async fn race<T, C>(contenders: impl IntoIterator<Item = C>) -> Vec<T>
where
    T: Send + 'static,
    C: Future<Output = T> + Send + 'static,
{
    let contenders: Vec<_> = contenders.into_iter().collect();
    let start = Arc::new(Barrier::new(contenders.len()));
    let tasks: Vec<_> = contenders
        .into_iter()
        .map(|contender| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                contender.await
            })
        })
        .collect();
    let mut outputs = Vec::new();
    for task in tasks {
        outputs.push(task.await.unwrap());
    }
    outputs
}
