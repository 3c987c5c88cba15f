//! [`DcvServerBuilder`]: how a stand-in for a DCV server differs from the
//! default.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use dcv_resolver_core::WebUrlPath;
use tokio::sync::watch;

use super::DcvServerStandIn;
use super::auth_socket::{self, AuthSocket};
use super::sessions::Sessions;
use crate::authority::Authority;
use crate::certificates::{CA_FILE, read_certificate};
use crate::dcv_command::DcvCommand;
use crate::start_error::StartError;
use crate::tls_server::TlsServer;
use crate::token_verifier::TokenVerifier;

/// A builder for a [`DcvServerStandIn`] that differs from the default.
#[derive(Debug, Clone)]
#[must_use = "a server runs once it is started"]
pub struct DcvServerBuilder {
    name: String,
    address: SocketAddr,
    certificates: Option<PathBuf>,
    command_folder: Option<PathBuf>,
    certificate_names: Vec<String>,
    web_url_path: WebUrlPath,
    auth_token_verifier: Option<String>,
    verifier_ca_file: Option<PathBuf>,
}

impl DcvServerStandIn {
    /// Returns a builder for a server that calls itself `name`.
    pub fn builder(name: &str) -> DcvServerBuilder {
        DcvServerBuilder {
            name: name.to_owned(),
            address: ([127, 0, 0, 1], 0).into(),
            certificates: None,
            command_folder: None,
            certificate_names: vec!["localhost".to_owned()],
            web_url_path: WebUrlPath::default(),
            auth_token_verifier: None,
            verifier_ca_file: None,
        }
    }
}

impl DcvServerBuilder {
    /// Sets the address to listen on. The default is a free port of 127.0.0.1.
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Takes its certificate, by its name, and the CA from a folder of
    /// [`write_certificates`](crate::write_certificates), for servers that share a
    /// CA. By default it creates both.
    pub fn certificates(mut self, folder: impl Into<PathBuf>) -> Self {
        self.certificates = Some(folder.into());
        self
    }

    /// Writes its `dcv` command to this folder, where it stays, for a program in
    /// another container. The default is a temporary folder.
    pub fn command_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.command_folder = Some(folder.into());
        self
    }

    /// Sets the names and addresses in the certificate that it creates. The default
    /// is `localhost`.
    pub fn certificate_names<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        self.certificate_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the path below which it serves, `web-url-path` of a DCV server. The
    /// default is `/`.
    pub fn web_url_path(mut self, path: WebUrlPath) -> Self {
        self.web_url_path = path;
        self
    }

    /// Sets the URL that is asked about tokens, `auth-token-verifier` of a DCV
    /// server. By default every client is let in, as the owner of the session.
    pub fn auth_token_verifier(mut self, url: &str) -> Self {
        self.auth_token_verifier = Some(url.to_owned());
        self
    }

    /// Sets the only CA that is trusted for the verifier, `ca-file` of a DCV
    /// server. By default those of the system are.
    pub fn verifier_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.verifier_ca_file = Some(path.into());
        self
    }

    /// Starts the server, without sessions.
    ///
    /// # Errors
    ///
    /// [`StartError`], when the server cannot start.
    pub async fn start(self) -> Result<DcvServerStandIn, StartError> {
        let folder = tempfile::tempdir()
            .map_err(|error| StartError::new("cannot create a temporary folder", error))?;
        let (ca_file, identity) = if let Some(folder) = &self.certificates {
            (folder.join(CA_FILE), read_certificate(folder, &self.name)?)
        } else {
            let authority = Authority::new(&format!("CA of {}", self.name))?;
            let ca_file = folder.path().join(CA_FILE);
            fs::write(&ca_file, &authority.pem).map_err(|error| {
                StartError::new(format!("cannot write {}", ca_file.display()), error)
            })?;
            (ca_file, authority.issue(&self.certificate_names)?)
        };
        let tls = identity.server_config()?;
        let command = match &self.command_folder {
            Some(folder) => DcvCommand::new_in(folder),
            None => DcvCommand::new(),
        };
        let command =
            command.map_err(|error| StartError::new("cannot create the command `dcv`", error))?;
        let verifier = match &self.auth_token_verifier {
            Some(url) => Some(TokenVerifier::new(url, self.verifier_ca_file.as_deref())?),
            None => None,
        };
        let sessions = Sessions::default();
        let (stop, stopped) = watch::channel(());
        let socket = Arc::new(AuthSocket {
            server: self.name,
            sessions: sessions.clone(),
            verifier,
            stopped,
        });
        let router = auth_socket::router(&self.web_url_path, socket);
        let server = TlsServer::start(self.address, tls, router).await?;
        Ok(DcvServerStandIn {
            server,
            sessions,
            command,
            ca_file,
            _folder: folder,
            _stop: stop,
        })
    }
}
