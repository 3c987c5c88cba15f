//! The paths of the API: the router and the OpenAPI document are both made from
//! this table.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::admin_error::AdminError;
use crate::admin_state::AdminState;
use crate::endpoint::{Endpoint, respond};
use crate::operation::Operation;
use crate::{describe, document, sessions};

type Path = UtoipaMethodRouter<Arc<AdminState>>;

fn paths() -> [Path; 4] {
    [
        routes!(describe::describe),
        routes!(sessions::list),
        routes!(sessions::get, sessions::register, sessions::deregister),
        routes!(sessions::renew),
    ]
}

/// Returns the OpenAPI 3.1 document of the admin API, as JSON.
///
/// The router serves it at `/v1/openapi.json`.
#[must_use]
pub fn openapi() -> String {
    let router = OpenApiRouter::with_openapi(document::start());
    let router = paths().into_iter().fold(router, OpenApiRouter::routes);
    document::finish(router.into_openapi())
}

pub(crate) fn router(state: Arc<AdminState>) -> Router {
    let endpoint = |operations| {
        let endpoint = Endpoint {
            state: Arc::clone(&state),
            operations,
        };
        from_fn_with_state(Arc::new(endpoint), respond)
    };
    let mut router = Router::new();
    for (_, paths, methods) in paths() {
        for (path, item) in paths.paths {
            let methods = methods.clone().layer(endpoint(Operation::all_of(item)));
            // A parameter of axum's is never empty. An empty id is a malformed
            // one, and its path not an unknown one.
            if path.contains("{id}") {
                router = router.route(&path.replace("{id}", ""), methods.clone());
            }
            router = router.route(&path, methods);
        }
    }
    // Routes instead of a fallback, which a router that is merged cannot have.
    let nothing = any(async || AdminError::NoSuchPath).layer(endpoint(Vec::new()));
    router
        .route("/v1", nothing.clone())
        .route("/v1/", nothing.clone())
        .route("/v1/{*path}", nothing)
        .with_state(state)
}
