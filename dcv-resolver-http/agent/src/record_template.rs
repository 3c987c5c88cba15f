//! [`RecordTemplate`]: makes the records of listed sessions.

use std::collections::BTreeMap;

use dcv_resolver_core::{Expiry, Host, InvalidRecord, InvalidSessionId, SessionId, SessionRecord};
use dcv_resolver_dcv_config::Connectivity;

use crate::id_template::IdTemplate;
use crate::session_list::ListedSession;

/// A template for the records of the sessions that a DCV server lists: it adds
/// what the list does not contain.
///
/// ```
/// use dcv_resolver_agent::{Connectivity, RecordTemplate, SessionList};
///
/// let template = RecordTemplate::new("ws-17.dcv.example".parse()?)
///     .with_id("{session}@{host}".parse()?);
/// let list = SessionList::parse(br#"[{"id": "console"}]"#)?;
/// let record = template.record(&list.sessions()[0], &Connectivity::default())?;
/// assert_eq!(record.id().as_str(), "console@ws-17.dcv.example");
/// assert_eq!(record.target_id().as_str(), "console");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RecordTemplate {
    host: Host,
    id: IdTemplate,
    labels: BTreeMap<String, String>,
}

/// The reason why a listed session cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSession {
    /// Its id on the DCV server, or the one that the template makes of it, is
    /// not a session id.
    #[error("the id cannot be used")]
    Id(#[from] InvalidSessionId),
    /// The DCV server's ports are invalid.
    #[error("the ports cannot be used")]
    Record(#[from] InvalidRecord),
}

impl RecordTemplate {
    /// Creates a template for the sessions of `host`, the name or address at
    /// which gateways reach the DCV server. By default, ids are the same as on
    /// the server.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self {
            host,
            id: IdTemplate::default(),
            labels: BTreeMap::new(),
        }
    }

    /// Sets how ids are made.
    #[must_use]
    pub fn with_id(mut self, id: IdTemplate) -> Self {
        self.id = id;
        self
    }

    /// Adds labels to every session.
    #[must_use]
    pub fn with_labels(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Self {
        self.labels.extend(labels);
        self
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns the record of a session. It is ready and never expires.
    ///
    /// # Errors
    ///
    /// [`InvalidSession`], when the session's id, or the one that the template
    /// makes of it, is not a valid session id, or a port of `server` is 0.
    pub fn record(
        &self,
        session: &ListedSession,
        server: &Connectivity,
    ) -> Result<SessionRecord, InvalidSession> {
        let id = self.id.apply(&self.host, session.id())?;
        let record = SessionRecord::builder(id, self.host.clone(), Expiry::Never)
            .target_id(SessionId::new(session.id())?)
            .http_port(server.http_port())
            .quic_port(server.quic_port())
            .web_url_path(server.web_url_path().clone())
            .owner(session.owner())
            .labels(self.labels.clone());
        Ok(record.build()?)
    }
}
