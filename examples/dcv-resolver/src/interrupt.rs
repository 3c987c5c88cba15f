//! Signals that end a command.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Completes when SIGINT or SIGTERM arrives.
pub(crate) async fn interrupted() -> Failure {
    let caught = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut interrupt), Ok(mut terminate)) = caught else {
        // The signals still end the process.
        return std::future::pending().await;
    };
    // Shells show 128 and the number of the signal.
    tokio::select! {
        _ = interrupt.recv() => Failure::interrupted("SIGINT", 130),
        _ = terminate.recv() => Failure::interrupted("SIGTERM", 143),
    }
}
