//! Test doubles for unit tests of resolver logic. They need no network, no
//! runtime and no sleep.
//!
//! - [`session`] and [`request`]: a session and a request in one call each.
//! - [`ManualClock`]: a clock that the test sets.
//! - [`FaultyStore`]: wraps any store or registry. It fails, hangs and recovers
//!   on demand, is slow, and counts its calls.
//! - [`ScriptedStore`] and [`ScriptedPolicy`]: reply call by call as scripted.
//! - [`RecordingListener`]: records the changes that are reported to it.
//!
//! ```
//! use dcv_resolver_core::testing::{FaultyStore, request, session};
//! use dcv_resolver_core::{MemoryStore, Resolver, StoreErrorKind};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = FaultyStore::new(MemoryStore::from_iter([session("console")]));
//! let resolver = Resolver::new(store.clone());
//!
//! store.fail_with(StoreErrorKind::Unavailable);
//! assert!(resolver.resolve(&request("console")).await.is_err());
//! store.recover();
//! assert!(resolver.resolve(&request("console")).await.is_ok());
//! assert_eq!(store.calls().lookup, 2);
//! # }
//! ```

mod clock;
mod faulty;
mod recorder;
mod sample;
mod script;
mod scripted;
mod scripted_policy;
mod wakers;

pub use clock::ManualClock;
pub use faulty::{Calls, FaultyStore};
pub use recorder::{RecordedEvent, RecordingListener};
pub use sample::{request, session};
pub use scripted::{Reply, ScriptedStore};
pub use scripted_policy::{PolicyReply, ScriptedPolicy};
