//! [`InvalidUpstreamUrl`]: why a string is not the URL of an upstream.

use dcv_resolver_client::InvalidBaseUrl;

/// An error that occurs when a string is not the URL of an upstream. The
/// message does not quote the string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUpstreamUrl {
    /// The part before the parameters is not the URL of a resolver.
    #[error(transparent)]
    Url(#[from] InvalidBaseUrl),
    /// A parameter does not exist.
    #[error(
        "unknown parameter; expected ca_file, certificate_file, key_file, connect_timeout_ms or response_timeout_ms"
    )]
    UnknownParameter,
    /// The parameter of this name is empty, or not UTF-8 after decoding.
    #[error("the parameter {0} is empty or not UTF-8; expected the path of a file")]
    InvalidPath(&'static str),
    /// The parameter of this name is not a number of milliseconds.
    #[error("the parameter {0} is not a number of milliseconds from 1 to 60000")]
    NotMilliseconds(&'static str),
    /// The parameter of this name is given twice.
    #[error("the parameter {0} is given twice; give it once")]
    Repeated(&'static str),
    /// There is a certificate without its key, or a key without its certificate.
    #[error(
        "the parameters certificate_file and key_file must be given together; give both or neither"
    )]
    IncompleteKeyPair,
    /// The parameter of this name has no effect without TLS.
    #[error("the parameter {0} needs TLS; use https:// instead of http://")]
    NeedsTls(&'static str),
}
