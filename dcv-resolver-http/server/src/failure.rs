//! [`Failure`]: why a connection got no answer from the service.

/// Where a connection failed. Each has a metric of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It was not let in.
    Admission,
    /// Its TLS handshake failed.
    Handshake,
    /// It was let in, and a request of it was not answered by the service.
    Http,
}

/// How a failure is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Something is misconfigured or broken.
    Warn,
    /// Nothing is wrong here: health checks and idle clients do this.
    Debug,
}

/// Declares the failures in one table, from which the enum, the label of the
/// metric and the sentence of the log are made.
macro_rules! failures {
    ($($failure:ident, $stage:ident, $severity:ident, $cause:literal, $sentence:literal;)*) => {
        /// Why a connection got no answer from the service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "those of handshakes"))]
        pub(crate) enum Failure {
            $($failure,)*
        }

        impl Failure {
            pub(crate) const ALL: &[Self] = &[$(Self::$failure,)*];

            pub(crate) const fn stage(self) -> Stage {
                match self {
                    $(Self::$failure => Stage::$stage,)*
                }
            }

            pub(crate) const fn severity(self) -> Severity {
                match self {
                    $(Self::$failure => Severity::$severity,)*
                }
            }

            /// Returns a stable word for metrics and the log.
            pub(crate) const fn cause(self) -> &'static str {
                match self {
                    $(Self::$failure => $cause,)*
                }
            }

            /// Returns what happened and, where a configuration can be the
            /// cause, what to do.
            pub(crate) const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$failure => $sentence,)*
                }
            }
        }
    };
}

failures! {
    NotAllowed, Admission, Warn, "not_allowed",
        "the peer's address is not allowed; if it belongs to a gateway, add it to the allowed networks";
    TooManyOfPeer, Admission, Warn, "too_many_of_peer",
        "the peer has reached the limit on connections per peer, and none of its connections is idle; if it is a load balancer or a NAT, raise that limit";

    TlsOnPlainHttp, Http, Warn, "tls_on_plain_http",
        "the client speaks TLS, and this listener does not; configure TLS, or make url in the gateway's [resolver] section begin with http";
    Http2, Http, Warn, "http2",
        "the client speaks HTTP/2 without having negotiated it, and this listener speaks only HTTP/1.1";
    ProxyHeaderUnexpected, Http, Warn, "proxy_header_unexpected",
        "the peer sent a PROXY protocol header, but is not a configured load balancer; add its address to the load balancers, or disable the protocol on the peer";
    ProxyHeaderMissing, Http, Warn, "proxy_header_missing",
        "the load balancer sent no PROXY protocol header; enable the protocol on it, or remove its address from the configured load balancers";
    ProxyHeaderInvalid, Http, Warn, "proxy_header_invalid",
        "the load balancer's PROXY protocol header is invalid or too long";
    ProxyHeaderTimeout, Http, Warn, "proxy_header_timeout",
        "the load balancer did not finish its PROXY protocol header in time";
    MalformedHead, Http, Warn, "malformed_head",
        "the request is not valid HTTP/1.1; it was answered with 400";
    HeadTooLarge, Http, Warn, "head_too_large",
        "the request line or the header fields are too large; the response was 414 or 431";
    HeadTimeout, Http, Warn, "head_timeout",
        "the client did not finish the head of its request in time";
    NoRequest, Http, Debug, "no_request",
        "the client sent nothing within the time for a request's head";
    ClosedWithoutRequest, Http, Debug, "closed_without_request",
        "the client connected and disconnected without sending anything, as health checks do";
    IncompleteRequest, Http, Warn, "incomplete_request",
        "the client disconnected in the middle of its request";
    WriteTimeout, Http, Warn, "write_timeout",
        "the client did not read its response in time";
    ConnectionLost, Http, Warn, "connection_lost",
        "the connection broke before the response was sent";
    ServiceError, Http, Warn, "service_error",
        "the service failed in the middle of a response";
    Panicked, Http, Warn, "panicked",
        "the service panicked; only this connection was closed";

    NotTls, Handshake, Warn, "not_tls",
        "the client does not speak TLS; check that url in the gateway's [resolver] section begins with https";
    ProxyHeaderBeforeTls, Handshake, Warn, "proxy_header_unexpected",
        "the peer sent a PROXY protocol header, but is not a configured load balancer; add its address to the load balancers, or disable the protocol on the peer";
    NoClientCertificate, Handshake, Warn, "no_client_certificate",
        "the client sent no certificate; check cert-file in the gateway's [resolver] section";
    UnknownCa, Handshake, Warn, "unknown_ca",
        "the client's certificate was issued by none of the client CAs; issue it from one of them, or add its CA to them";
    CertificateExpired, Handshake, Warn, "certificate_expired",
        "the client's certificate has expired; renew it";
    CertificateNotYetValid, Handshake, Warn, "certificate_not_yet_valid",
        "the client's certificate is not valid yet; check the clock of this machine and the date of the certificate";
    CertificatePurpose, Handshake, Warn, "certificate_purpose",
        "the client's certificate is not for client authentication; issue one whose extended key usage includes it";
    BadCertificate, Handshake, Warn, "bad_certificate",
        "the client's certificate is invalid";
    ServerCertificateRejected, Handshake, Warn, "server_certificate_rejected",
        "the client does not accept the server's certificate; check ca-file and the host name in url in the gateway's [resolver] section";
    ProtocolVersion, Handshake, Warn, "protocol_version",
        "the client supports neither TLS 1.2 nor TLS 1.3";
    NoCommonCipherSuite, Handshake, Warn, "no_common_cipher_suite",
        "client and server share no cipher suite; gateways before 2024.0-777 accept only an RSA key under TLS 1.2";
    NoHttp1, Handshake, Warn, "no_http1",
        "the client does not offer HTTP/1.1";
    HandshakeAborted, Handshake, Warn, "aborted",
        "the client aborted the handshake";
    HandshakeTimeout, Handshake, Warn, "timeout",
        "the client did not finish in time";
    HandshakeClosed, Handshake, Warn, "closed",
        "the client disconnected, perhaps because it does not accept the server's certificate";
    HandshakeLost, Handshake, Warn, "connection_lost",
        "the connection failed";
    HandshakeInvalid, Handshake, Warn, "other",
        "the client violated the TLS protocol";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn causes_of_a_stage_differ_and_are_words_for_a_label() {
        let mut seen = HashSet::new();
        for failure in Failure::ALL {
            let cause = failure.cause();
            assert!(seen.insert((failure.stage() as u8, cause)), "{cause}");
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(cause.chars().all(is_word), "{cause}");
        }
    }
}
