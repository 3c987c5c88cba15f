#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin_registrar;
mod agent;
mod dcv_command;
mod event_log;
mod id_template;
mod lease_file;
mod private_file;
mod reconcile;
mod record_template;
mod registered_file;
mod registrar;
mod registrations;
mod session_list;
mod store_registrar;
mod view;

pub use admin_registrar::AdminRegistrar;
pub use agent::Agent;
pub use dcv_command::{DcvCommand, DcvCommandError};
/// What [`InvalidSessionList`] found.
pub use dcv_resolver_client::JsonType;
/// Where a DCV server listens, for [`RecordTemplate::record`].
pub use dcv_resolver_dcv_config::Connectivity;
pub use id_template::{IdTemplate, InvalidIdTemplate};
pub use lease_file::{LeaseFileError, lease_token};
pub use record_template::{InvalidSession, RecordTemplate};
pub use registrar::{Registrar, RegistrarError};
pub use session_list::{InvalidSessionList, ListedSession, SessionList};
pub use store_registrar::StoreRegistrar;
pub use view::AgentView;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Agent>();
    is_shared::<AgentView>();
    is_shared::<DcvCommand>();
    is_shared::<RegistrarError>();
};
