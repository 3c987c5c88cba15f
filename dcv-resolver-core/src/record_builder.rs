//! [`SessionRecordBuilder`]: builds a record.

use crate::stored_form::RecordFields;
use crate::{Expiry, Host, InvalidRecord, SessionId, SessionRecord, SessionState, WebUrlPath};

/// A builder for a [`SessionRecord`].
///
/// Methods for optional parts accept a value or an `Option`, so optional
/// database columns need no `if let`:
///
/// ```
/// use dcv_resolver_core::{Expiry, SessionId, SessionRecord};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (quic_port, owner): (Option<u16>, Option<String>) = (None, Some("ann".into()));
/// let record = SessionRecord::builder("i-0abc".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
///     .target_id(SessionId::new("console")?)
///     .http_port(8443)
///     .quic_port(quic_port)
///     .owner(owner.as_deref())
///     .labels([("project", "cad"), ("team", "a")])
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SessionRecordBuilder(RecordFields);

// Here and not beside the record, so that the record does not depend on its
// builder.
impl SessionRecord {
    /// Returns a builder for the session that clients know as `id`, on the DCV
    /// server `host`.
    #[must_use]
    pub fn builder(id: SessionId, host: Host, expiry: Expiry) -> SessionRecordBuilder {
        SessionRecordBuilder(RecordFields::new(id, host, expiry))
    }

    /// Returns a builder with all parts of this record.
    #[must_use]
    pub fn to_builder(&self) -> SessionRecordBuilder {
        SessionRecordBuilder(self.fields())
    }
}

impl SessionRecordBuilder {
    /// Sets the DCV server.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.0.host = host;
        self
    }

    /// Sets the id on the DCV server, if it differs from the clients' id.
    #[must_use]
    pub fn target_id(mut self, target_id: impl Into<Option<SessionId>>) -> Self {
        self.0.target_id = target_id.into();
        self
    }

    /// Sets the TCP port for HTTP and WebSocket.
    #[must_use]
    pub fn http_port(mut self, port: impl Into<Option<u16>>) -> Self {
        self.0.http_port = port.into();
        self
    }

    /// Sets the UDP port for QUIC.
    #[must_use]
    pub fn quic_port(mut self, port: impl Into<Option<u16>>) -> Self {
        self.0.quic_port = port.into();
        self
    }

    /// Sets the path of the DCV server's web client. The default is `/`.
    #[must_use]
    pub fn web_url_path(mut self, path: WebUrlPath) -> Self {
        self.0.web_url_path = path;
        self
    }

    /// Sets the state. The default is [`SessionState::Ready`].
    #[must_use]
    pub fn state(mut self, state: SessionState) -> Self {
        self.0.state = state;
        self
    }

    /// Sets when the record expires.
    #[must_use]
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.0.expiry = expiry;
        self
    }

    /// Sets the owner, for people.
    #[must_use]
    pub fn owner<'a>(mut self, owner: impl Into<Option<&'a str>>) -> Self {
        self.0.owner = owner.into().map(Box::from);
        self
    }

    /// Adds a label, for people and policies.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.labels.insert(name.into(), value.into());
        self
    }

    /// Adds labels, for people and policies.
    #[must_use]
    pub fn labels<K, V>(mut self, labels: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<String>,
        V: Into<String>,
    {
        let labels = labels.into_iter();
        let labels = labels.map(|(name, value)| (name.into(), value.into()));
        self.0.labels.extend(labels);
        self
    }

    /// Builds the record.
    ///
    /// # Errors
    ///
    /// [`InvalidRecord`], when no port is set or a port is 0.
    pub fn build(self) -> Result<SessionRecord, InvalidRecord> {
        self.0.try_into()
    }
}
