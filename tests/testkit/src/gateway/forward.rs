//! [`forward`]: carries a client's connection to a DCV server.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use dcv_resolver_client::{Destination, HttpClient, RequestError, TlsOptions};
use hyper::client::conn::http1;
use hyper::upgrade::{OnUpgrade, on};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than any server of a test takes, so that one that is silent fails the
/// test and does not hang it.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends `request` to `destination` with another query, and returns the answer.
/// If it is a WebSocket, bytes are carried in both directions until one side
/// closes it, or `stopped` ends.
///
/// The error is that of the connection; a server that is connected and does not
/// answer is a 502.
pub(super) async fn forward(
    destination: &Destination,
    tls: &TlsOptions,
    query: &str,
    mut request: Request<Body>,
    stopped: watch::Receiver<()>,
) -> Result<Response, RequestError> {
    let authority = destination.host.authority(destination.port);
    let failed = |what: &str| (StatusCode::BAD_GATEWAY, what.to_owned()).into_response();
    let Ok(url) = format!("https://{authority}").parse() else {
        return Ok(failed("the DCV server's name cannot be in a URL"));
    };
    let client = match HttpClient::builder(url).tls(tls.clone()).build() {
        Ok(client) => client,
        Err(error) => return Ok(failed(&format!("the gateway cannot use [dcv]: {error}"))),
    };
    let stream = client.open().await?;

    let path = request.uri().path();
    let prefix = destination.web_url_path.as_str().trim_end_matches('/');
    let Ok(uri) = format!("{prefix}{path}?{query}").parse::<Uri>() else {
        return Ok(failed("the gateway cannot forward this path"));
    };
    let Ok(host) = HeaderValue::try_from(authority) else {
        return Ok(failed("the DCV server's name cannot be a header"));
    };
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::HOST, host);
    let from_client = on(&mut request);

    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await
    };
    let mut response = match timeout(RESPONSE_TIMEOUT, exchange).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Ok(failed(&format!("the DCV server does not answer: {error}"))),
        Err(_elapsed) => return Ok(failed("the DCV server does not answer in time")),
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        tokio::spawn(carry(from_client, on(&mut response), stopped));
    }
    Ok(response.map(Body::new))
}

async fn carry(client: OnUpgrade, server: OnUpgrade, mut stopped: watch::Receiver<()>) {
    let carried = async {
        let (client, server) = tokio::try_join!(client, server).map_err(std::io::Error::other)?;
        copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await
    };
    tokio::select! {
        ended = carried => if let Err(error) = ended {
            tracing::debug!(%error, "a WebSocket was cut");
        },
        _ = stopped.changed() => {}
    }
}
