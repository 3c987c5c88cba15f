//! [`Operation`]: what a method does at a path, as the OpenAPI document has it.

use axum::http::Method;
use dcv_resolver_authorize::Access;
use utoipa::openapi::PathItem;
use utoipa::openapi::security::SecurityRequirement;

/// What a method does at a path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// The document's `operationId`.
    pub(crate) name: String,
    /// The access that the caller needs; `None` if it needs none.
    pub(crate) access: Option<Access>,
}

impl Operation {
    /// Returns the operations of one path, in the order in which `Allow` names
    /// them.
    pub(crate) fn all_of(path: PathItem) -> Vec<Self> {
        [
            (Method::GET, path.get),
            (Method::PUT, path.put),
            (Method::POST, path.post),
            (Method::DELETE, path.delete),
        ]
        .into_iter()
        .filter_map(|(method, operation)| Some(Self::new(method, operation?)))
        .collect()
    }

    #[expect(clippy::expect_used, reason = "every handler has an operation id")]
    fn new(method: Method, operation: utoipa::openapi::path::Operation) -> Self {
        // An operation is open to strangers only if it says so.
        let is_public = operation.security == Some(vec![SecurityRequirement::default()]);
        let access = match method {
            Method::GET => Access::Read,
            _ => Access::Write,
        };
        Self {
            method,
            name: operation
                .operation_id
                .expect("utoipa gives every handler an operation id"),
            access: (!is_public).then_some(access),
        }
    }

    /// Returns whether it is the operation of `method`: a HEAD is a GET whose
    /// response has no body.
    pub(crate) fn answers(&self, method: &Method) -> bool {
        self.methods().any(|it| it == method)
    }

    /// Returns its methods, as `Allow` names them.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        let head = (self.method == Method::GET).then_some(&Method::HEAD);
        [&self.method].into_iter().chain(head)
    }

    /// Returns whether it changes a session. Then every attempt is audited.
    pub(crate) fn is_change(&self) -> bool {
        self.access == Some(Access::Write)
    }
}
