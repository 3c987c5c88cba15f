//! Which kind of [`StoreError`] a failure of the upstream is.

use dcv_resolver_client::{
    AnswerError, RequestError, RequestErrorKind, StatusCode, TlsFailure, Violation,
};
use dcv_resolver_core::{StoreError, StoreErrorKind};

/// The name of this backend in errors.
pub(crate) const BACKEND: &str = "upstream";

/// Returns the error of a lookup that the upstream did not answer.
pub(crate) fn of_resolve(error: AnswerError) -> StoreError {
    let kind = match &error {
        AnswerError::Request(error) => of_request(error),
        AnswerError::Status { status, .. } => of_status(*status),
        AnswerError::Contract(violations) => of_violations(violations),
        _ => StoreErrorKind::Other,
    };
    StoreError::new(BACKEND, kind).with_source(error)
}

fn of_request(error: &RequestError) -> StoreErrorKind {
    match error.kind() {
        RequestErrorKind::DnsTimeout
        | RequestErrorKind::ConnectTimeout
        | RequestErrorKind::TlsTimeout
        | RequestErrorKind::ResponseTimeout => StoreErrorKind::TimedOut,
        RequestErrorKind::ResponseTooLarge | RequestErrorKind::Protocol => {
            StoreErrorKind::Incompatible
        }
        RequestErrorKind::Tls => match error.tls_failure() {
            Some(TlsFailure::ClientCertificateRequired | TlsFailure::ClientCertificateRefused) => {
                StoreErrorKind::AccessDenied
            }
            _ => StoreErrorKind::Unavailable,
        },
        RequestErrorKind::InvalidUrl => StoreErrorKind::InvalidConfig,
        _ => StoreErrorKind::Unavailable,
    }
}

fn of_status(status: StatusCode) -> StoreErrorKind {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StoreErrorKind::AccessDenied,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => StoreErrorKind::TimedOut,
        StatusCode::TOO_MANY_REQUESTS => StoreErrorKind::Unavailable,
        status if status.is_server_error() => StoreErrorKind::Unavailable,
        // Another service, or another path.
        _ => StoreErrorKind::Incompatible,
    }
}

/// If the answer has the form of the contract but a value is wrong, one record
/// is damaged; any other answer is not that of a resolver.
fn of_violations(violations: &[Violation]) -> StoreErrorKind {
    let is_another_protocol = |violation: &Violation| {
        matches!(
            violation,
            Violation::Redirect { .. }
                | Violation::EmptyBody
                | Violation::Html
                | Violation::NotJson { .. }
                | Violation::NotAnObject { .. }
        )
    };
    if violations.iter().any(is_another_protocol) {
        StoreErrorKind::Incompatible
    } else {
        StoreErrorKind::CorruptRecord
    }
}
