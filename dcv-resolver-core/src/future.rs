//! [`BoxFuture`]: the future that a method of a trait object returns.

use std::pin::Pin;

/// A boxed future that can be sent to another thread.
///
/// The same type as the alias of this name in `futures`, and as the return type
/// that `#[async_trait]` generates for an `async fn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
