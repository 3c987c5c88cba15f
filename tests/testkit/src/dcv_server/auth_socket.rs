//! [`AuthSocket`]: the WebSocket `auth` of a DCV server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use dcv_resolver_core::WebUrlPath;
use serde::Deserialize;
use tokio::sync::watch;

use super::sessions::Sessions;
use crate::desktop::Desktop;
use crate::token_verifier::TokenVerifier;
use crate::verdict::Verdict;

/// Lets clients in, or says why not.
#[derive(Debug)]
pub(super) struct AuthSocket {
    pub(super) server: String,
    pub(super) sessions: Sessions,
    pub(super) verifier: Option<TokenVerifier>,
    /// Ends when the server is dropped.
    pub(super) stopped: watch::Receiver<()>,
}

/// What a client sends in the query.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    auth_token: String,
}

/// Returns the routes of a server below its web path.
pub(super) fn router(web_url_path: &WebUrlPath, socket: Arc<AuthSocket>) -> Router {
    let path = web_url_path.as_str();
    let prefix = path.trim_end_matches('/');
    let page = format!("the DCV server {} (stand-in)", socket.server);
    Router::new()
        .route(path, get(page))
        .route(&format!("{prefix}/auth"), get(open))
        .with_state(socket)
}

/// A client is refused with the same status whether it asks for a WebSocket or
/// not: the script of a page sees no status of a refused WebSocket, and may ask
/// once more without.
async fn open(
    State(socket): State<Arc<AuthSocket>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(credentials): Query<Credentials>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let desktop = match socket.admit(&credentials, peer).await {
        Ok(desktop) => desktop,
        Err(refusal) => return refusal.into_response(),
    };
    match upgrade {
        Ok(upgrade) => {
            let stopped = socket.stopped.clone();
            upgrade.on_upgrade(|stream| serve(stream, desktop, stopped))
        }
        Err(rejection) => rejection.into_response(),
    }
}

impl AuthSocket {
    async fn admit(
        &self,
        credentials: &Credentials,
        peer: SocketAddr,
    ) -> Result<Desktop, (StatusCode, String)> {
        let name = &self.server;
        let id = &credentials.session_id;
        let Some(session) = self.sessions.find(id) else {
            let what = format!("the DCV server {name} has no session {id:?}");
            return Err((StatusCode::NOT_FOUND, what));
        };
        let user = match &self.verifier {
            None => session.owner().to_owned(),
            Some(verifier) => {
                let client = peer.ip().to_string();
                match verifier.verify(id, &credentials.auth_token, &client).await {
                    Ok(Verdict::Yes { username }) => username,
                    Ok(Verdict::No { message }) => {
                        let what = format!("the DCV server {name} refuses the token: {message}");
                        return Err((StatusCode::FORBIDDEN, what));
                    }
                    Err(why) => {
                        let what = format!("the DCV server {name} cannot verify the token: {why}");
                        return Err((StatusCode::BAD_GATEWAY, what));
                    }
                }
            }
        };
        Ok(Desktop {
            server: name.clone(),
            session: id.clone(),
            user,
        })
    }
}

/// Says where the client is, and then repeats what it says.
async fn serve(mut stream: WebSocket, desktop: Desktop, mut stopped: watch::Receiver<()>) {
    let Ok(greeting) = serde_json::to_string(&desktop) else {
        return;
    };
    let talk = async {
        stream.send(Message::text(greeting)).await?;
        while let Some(message) = stream.recv().await {
            if let message @ (Message::Text(_) | Message::Binary(_)) = message? {
                stream.send(message).await?;
            }
        }
        Ok::<_, axum::Error>(())
    };
    tokio::select! {
        ended = talk => if let Err(error) = ended {
            tracing::debug!(%error, "the client is gone");
        },
        _ = stopped.changed() => {}
    }
}
