//! [`Background`]: work that goes on while something else is there.

use tokio::task::JoinHandle;

/// Work on a task of its own, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the work"]
pub(crate) struct Background(JoinHandle<()>);

impl Background {
    pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}
