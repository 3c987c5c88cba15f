#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod answer_error;
mod any_certificate;
mod base_url;
mod bearer_token;
mod client_certificate;
mod connect;
mod connection_report;
mod http_client;
mod http_client_builder;
mod json_object;
mod live_tls;
mod pem;
mod problem_document;
mod read_answer;
mod request_error;
mod resolver_client;
mod tls_config;
mod tls_failure;
mod tls_file_error;
mod tls_options;
mod violation;

pub use answer::{Answer, Destination, NotFoundAnswer};
pub use answer_error::AnswerError;
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use bearer_token::{BearerToken, BearerTokenError};
pub use connection_report::{ConnectionReport, PeerCertificate, TlsReport};
pub use http_client::HttpClient;
pub use http_client_builder::HttpClientBuilder;
/// The types of requests and responses, of the crate `http`.
pub use hyper::{HeaderMap, Method, Response, StatusCode, body::Bytes, header};
pub use problem_document::ProblemDocument;
pub use read_answer::{read_answer, violations};
pub use request_error::{RequestError, RequestErrorKind};
pub use resolver_client::ResolverClient;
pub use tls_failure::TlsFailure;
pub use tls_file_error::TlsFileError;
pub use tls_options::{TlsOptions, TlsVersion};
pub use violation::{JsonType, Violation};

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<BearerToken>();
    is_shared::<HttpClient>();
    is_shared::<RequestError>();
    is_shared::<AnswerError>();
    is_shared::<ResolverClient>();
};
