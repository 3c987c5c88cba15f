//! Bare handlers: a resolver in as few lines as axum takes, without limits,
//! metrics, a log or any time limit.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use dcv_resolver_bench::sessions;
use redis::aio::MultiplexedConnection;
use serde::Deserialize;

use crate::failure::{Result, While};
use crate::floor::serve_app;

#[derive(Debug, clap::Args)]
pub(crate) struct Bare {
    /// The Redis that has the sessions; unless given, a map.
    #[arg(long)]
    redis: Option<String>,
    /// How many there are in the map.
    #[arg(long, default_value_t = 1_000)]
    sessions: usize,
}

/// Serves one, and prints where.
pub(crate) fn serve(bare: &Bare) -> Result {
    let sessions = bare.sessions;
    match bare.redis.clone() {
        None => serve_app(async move { Ok(map(sessions)) }),
        Some(url) => serve_app(async move { one_get(&url).await }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    session_id: String,
}

#[derive(Deserialize)]
struct Session {
    host: String,
    http_port: u16,
}

/// Finds them in a map.
fn map(sessions: usize) -> Router {
    let session = |number| {
        let session = Session {
            host: format!("ws-{number}.dcv.example"),
            http_port: 8443,
        };
        (sessions::id(number), session)
    };
    let map: HashMap<_, _> = (0..sessions).map(session).collect();
    let handler = async |State(map): State<Arc<HashMap<String, Session>>>,
                         Query(Asked { session_id }): Query<Asked>| {
        answer(&session_id, map.get(&session_id))
    };
    Router::new()
        .route("/resolveSession", post(handler))
        .with_state(Arc::new(map))
}

/// Asks Redis for each.
async fn one_get(url: &str) -> Result<Router> {
    let client = redis::Client::open(url).while_doing("cannot connect to Redis")?;
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    let connection = connection.await;
    let connection = connection.while_doing("cannot connect to Redis")?;
    let handler = async |State(mut connection): State<MultiplexedConnection>,
                         Query(Asked { session_id }): Query<Asked>| {
        let mut command = redis::cmd("GET");
        command.arg(["dcv:session:", &session_id].concat());
        let value: redis::RedisResult<Option<String>> = command.query_async(&mut connection).await;
        // Behind the first line, which has the expiry.
        let session = value.ok().flatten().and_then(|value| {
            let (_, record) = value.split_once('\n')?;
            serde_json::from_str(record).ok()
        });
        answer(&session_id, session.as_ref())
    };
    Ok(Router::new()
        .route("/resolveSession", post(handler))
        .with_state(connection))
}

fn answer(id: &str, session: Option<&Session>) -> Response {
    let Some(Session { host, http_port }) = session else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = format!(
        r#"{{"SessionId":"{id}","TransportProtocol":"HTTP","DcvServerEndpoint":"{host}","Port":{http_port},"WebUrlPath":"/"}}"#
    );
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
