//! [`open_link`]: what the script of the page does, without a browser.

use std::time::Duration;

use axum::body::Body;
use axum::http::uri::InvalidUri;
use axum::http::{Request, StatusCode, Uri, header};
use dcv_resolver_client::{BaseUrl, HttpClient, InvalidBaseUrl, TlsOptions};
use form_urlencoded::Serializer;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::desktop::Desktop;
use crate::gateway::GatewayStandIn;

/// Longer than the gateway waits for the resolver and the DCV server.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// An error that occurs when a client cannot connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The gateway, or the DCV server behind it, has answered with this status.
    #[error("status {status}: {body}")]
    Refused {
        /// The status.
        status: u16,
        /// The response of the gateway or the server.
        body: String,
    },
    /// The link is invalid, or the connection failed or ended before the DCV
    /// server sent a message.
    #[error("the connection failed: {0}")]
    Failed(String),
}

impl GatewayStandIn {
    /// Opens a link of this gateway as [`open_link`] does. `link` is what comes
    /// after the host: `/#SESSION`, or `/?authToken=TOKEN#SESSION`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Refused`] with the status and the text of the gateway or the
    /// DCV server, or [`OpenError::Failed`] if there is no answer.
    pub async fn open(&self, link: &str) -> Result<Desktop, OpenError> {
        match self.addresses().next() {
            Some(address) => open_link(&format!("https://{address}{link}")).await,
            None => Err(OpenError::Failed("the gateway does not listen".to_owned())),
        }
    }
}

/// Opens a link of a [`GatewayStandIn`], here or in another process, as the page
/// of the web client does, and returns what the DCV server says.
///
/// `link` is `https://HOST:PORT/#SESSION`, or with `?authToken=TOKEN` before the
/// `#`. The gateway's certificate is not checked.
///
/// # Errors
///
/// [`OpenError::Refused`] with the status and the text of the gateway or the DCV
/// server, or [`OpenError::Failed`] if the link is invalid or there is no answer
/// within 20 s.
pub async fn open_link(link: &str) -> Result<Desktop, OpenError> {
    match timeout(OPEN_TIMEOUT, open(link)).await {
        Ok(opened) => opened,
        Err(_elapsed) => Err(OpenError::Failed("no answer within 20 s".to_owned())),
    }
}

async fn open(link: &str) -> Result<Desktop, OpenError> {
    let failed = |error: &dyn std::error::Error| OpenError::Failed(error.to_string());
    let uri: Uri = link.parse().map_err(|error: InvalidUri| failed(&error))?;
    let Some(authority) = uri.authority() else {
        return Err(OpenError::Failed(format!("{link:?} has no host")));
    };
    let gateway = format!("https://{authority}");
    let url: BaseUrl = gateway
        .parse()
        .map_err(|error: InvalidBaseUrl| failed(&error))?;
    let client = HttpClient::builder(url)
        .tls(TlsOptions::default().strict(false))
        .build()
        .map_err(|error| failed(&error))?;
    let stream = client.open().await.map_err(|error| failed(&error))?;
    let request = Request::get(format!("/auth?{}", query_of(link)))
        .header(header::HOST, authority.as_str())
        .header(header::ORIGIN, gateway)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        // Any 16 bytes: no cache is between here and the gateway.
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
        .body(Body::empty())
        .map_err(|error| failed(&error))?;

    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await?;
        let status = response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Ok(hyper::upgrade::on(response).await?));
        }
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Err(OpenError::Refused {
            status: status.as_u16(),
            body: String::from_utf8_lossy(&body).into_owned(),
        }))
    };
    let upgraded = exchange
        .await
        .map_err(|error: hyper::Error| failed(&error))??;
    let stream = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    let message = match socket.next().await {
        Some(message) => message.map_err(|error| failed(&error))?,
        None => return Err(OpenError::Failed("closed without a message".to_owned())),
    };
    let text = message.to_text().map_err(|error| failed(&error))?;
    serde_json::from_str(text).map_err(|error| failed(&error))
}

/// Returns the query of the WebSocket: the id from the fragment, and the token
/// from the query.
fn query_of(link: &str) -> String {
    let (before, id) = link.split_once('#').unwrap_or((link, ""));
    let query = before.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let token = pairs.find(|(name, _)| name == "authToken");
    Serializer::new(String::new())
        .append_pair("sessionId", id)
        .extend_pairs(token)
        .finish()
}
