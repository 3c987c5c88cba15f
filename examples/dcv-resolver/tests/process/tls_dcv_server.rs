//! A DCV server, as far as `doctor` asks it: TLS, a page and a WebSocket.

use std::net::SocketAddr;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_server::tls::{Tls, TlsFiles};
use dcv_resolver_server::{Server, listen};
use tokio::runtime::Runtime;

use crate::pki::{Ca, issue_server};
use crate::support::Folder;

/// It stops when it is dropped.
pub(crate) struct TlsDcvServer {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
    _certificates: Folder,
}

impl TlsDcvServer {
    /// Starts a server with a certificate of `ca` for `localhost` that answers
    /// these statuses.
    pub(crate) fn start(ca: &Ca, page: u16, web_socket: u16) -> Self {
        let certificates = Folder::new("");
        issue_server(ca, &certificates, &["localhost"]);
        let files = TlsFiles::new(certificates.path("cert.pem"), certificates.path("key.pem"));
        let tls = Tls::load(files).unwrap();
        let app = Router::new().fallback(async move |headers: HeaderMap| {
            if headers.contains_key("upgrade") {
                upgraded(web_socket)
            } else {
                status(page).into_response()
            }
        });
        let runtime = Runtime::new().unwrap();
        let address = runtime.block_on(async {
            let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
            let address = listener.local_addr().unwrap();
            let server = Server::new(app).tls(tls);
            tokio::spawn(server.serve(listener, std::future::pending()));
            address
        });
        Self {
            address,
            _runtime: runtime,
            _certificates: certificates,
        }
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn upgraded(code: u16) -> Response {
    let headers = [("connection", "upgrade"), ("upgrade", "websocket")];
    (status(code), headers).into_response()
}
