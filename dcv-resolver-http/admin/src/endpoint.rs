//! [`Endpoint`]: one path of the API, with what holds for every request to it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dcv_resolver_authorize::{Access, AccessRequest};
use dcv_resolver_http::{MAX_URI_BYTES, X_REQUEST_ID};

use crate::admin_error::AdminError;
use crate::admin_state::AdminState;
use crate::audit::AuditRecord;
use crate::authenticator::Caller;
use crate::deadline::Deadline;
use crate::operation::Operation;
use crate::request_context::RequestContext;
use crate::unread_body::UnreadBody;

/// One path of the API.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) state: Arc<AdminState>,
    /// None where there is nothing.
    pub(crate) operations: Vec<Operation>,
}

/// Answers a request to a path, as a middleware around its handlers.
pub(crate) async fn respond(
    State(endpoint): State<Arc<Endpoint>>,
    request: Request,
    next: Next,
) -> Response {
    let deadline = Deadline::after(endpoint.state.time_budget);
    let request_id = endpoint.state.request_ids.id_for(request.headers());
    let (parts, body) = request.into_parts();
    let (body, unread) = UnreadBody::lend(body);
    let operation = endpoint.operation(&parts.method);
    let request = Request::from_parts(parts, body);

    let mut response = endpoint
        .handle(operation, request, next, deadline, request_id.as_str())
        .await
        .unwrap_or_else(|error| {
            let action = operation.map_or("none", |operation| &operation.name);
            endpoint.state.observe(action, error.outcome());
            error.into_response()
        });

    let body_ended = unread.discard(deadline.time_left()).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, request_id.into());
    if !body_ended {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Endpoint {
    fn operation(&self, method: &Method) -> Option<&Operation> {
        let mut operations = self.operations.iter();
        operations.find(|operation| operation.answers(method))
    }

    /// Checks the caller before it looks at anything else, so that a stranger
    /// learns neither which paths there are nor which sessions.
    async fn handle(
        &self,
        operation: Option<&Operation>,
        mut request: Request,
        next: Next,
        deadline: Deadline,
        request_id: &str,
    ) -> Result<Response, AdminError> {
        let peer = dcv_resolver_http::peer(request.extensions());

        let caller = match operation.map_or(Some(Access::Read), |operation| operation.access) {
            None => None,
            Some(access) => {
                let access = AccessRequest::new(request.headers(), request.extensions(), access);
                let authenticator = &self.state.authenticator;
                Some(authenticator.caller(&access, deadline, request_id).await?)
            }
        };
        if self.operations.is_empty() {
            return Err(AdminError::NoSuchPath);
        }
        let operation = operation.ok_or_else(|| {
            let operations = self.operations.iter();
            AdminError::MethodNotAllowed(operations.flat_map(Operation::methods).cloned().collect())
        })?;

        let (principal, read_only) = match caller {
            Some(Caller {
                principal,
                read_only,
            }) => (Some(principal), read_only),
            None => (None, None),
        };
        let context = RequestContext {
            deadline,
            subject: Arc::default(),
            principal: principal.clone(),
        };
        let record = AuditRecord {
            state: &self.state,
            operation,
            principal,
            caller_ip: peer.map(|peer| peer.ip().to_canonical()),
            request_id,
            deadline,
            subject: Arc::clone(&context.subject),
            is_finished: false,
        };
        let response = if let Some(error) = read_only {
            AdminError::ReadOnly(error).into_response()
        } else if uri_bytes(&request) > MAX_URI_BYTES {
            AdminError::UriTooLong.into_response()
        } else {
            request.extensions_mut().insert(context);
            next.run(request).await
        };
        let error = response.extensions().get::<Arc<AdminError>>();
        record.finish(error.map(|error| &**error));
        Ok(response)
    }
}

fn uri_bytes(request: &Request) -> usize {
    let uri = request.uri().path_and_query();
    uri.map_or(0, |uri| uri.as_str().len())
}
