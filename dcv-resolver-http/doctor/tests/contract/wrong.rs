//! Resolvers that are right but for one rule.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use dcv_resolver_doctor::contract::Level::{self, Must, Should};

use crate::flask::BROKEN;
use crate::own::router;
use crate::serve::{check, rules};

/// Asserts that the resolver breaks this rule alone.
async fn assert_breaks<F>(
    rule: &str,
    level: Level,
    wrong: impl Fn(Request, Next) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response> + Send + 'static,
{
    let report = check(router().layer(from_fn(wrong))).await;
    let broken: Vec<_> = rules(&report).into_iter().collect();
    assert_eq!(broken, [(level, rule)], "{report}");
}

/// Answers with another text in the place of `text`.
async fn replaced(response: Response, text: &str, other: &str) -> Response {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    head.headers.remove("content-length");
    Response::from_parts(head, Body::from(body.replace(text, other)))
}

fn query(request: &Request) -> String {
    request.uri().query().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn port_that_is_a_string_is_found() {
    assert_breaks("wrong_type", Must, async |request: Request, next: Next| {
        let response = next.run(request).await;
        let response = replaced(response, "8443", "\"8443\"").await;
        replaced(response, "8444", "\"8444\"").await
    })
    .await;
}

#[tokio::test]
async fn transport_in_lower_case_is_found() {
    assert_breaks(
        "other_transport",
        Must,
        async |request: Request, next: Next| {
            let response = next.run(request).await;
            let response = replaced(response, "\"HTTP\"", "\"http\"").await;
            replaced(response, "\"QUIC\"", "\"quic\"").await
        },
    )
    .await;
}

#[tokio::test]
async fn required_client_ip_is_found() {
    assert_breaks(
        "client_ip_absent",
        Must,
        async |request: Request, next: Next| {
            let query = query(&request);
            let is_valid = query.contains("sessionId=console&transport=HTTP");
            if is_valid && !query.contains("clientIpAddress") {
                return StatusCode::BAD_REQUEST.into_response();
            }
            next.run(request).await
        },
    )
    .await;
}

#[tokio::test]
async fn another_server_for_quic_is_found() {
    assert_breaks("same_server", Must, async |request: Request, next: Next| {
        let is_quic = query(&request).contains("sessionId=console&transport=QUIC");
        let response = next.run(request).await;
        if is_quic {
            return replaced(response, "ws-17", "ws-18").await;
        }
        response
    })
    .await;
}

#[tokio::test]
async fn outage_in_place_of_not_found_is_found() {
    let report = check(
        router().layer(from_fn(async |request: Request, next: Next| {
            let response = next.run(request).await;
            if response.status() == StatusCode::NOT_FOUND {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            response
        })),
    )
    .await;
    assert!(
        rules(&report).contains(&(Must, "unknown_session")),
        "{report}"
    );
}

#[tokio::test]
async fn redirect_is_found() {
    assert_breaks(
        "path_slashes",
        Should,
        async |request: Request, next: Next| {
            if request.uri().path() != "/resolveSession"
                && !request.uri().path().starts_with("/stage")
            {
                return Redirect::permanent("/resolveSession").into_response();
            }
            next.run(request).await
        },
    )
    .await;
}

#[tokio::test]
async fn answer_that_may_be_stored_is_found() {
    assert_breaks(
        "not_stored",
        Should,
        async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            response.headers_mut().remove("cache-control");
            response
        },
    )
    .await;
}

#[tokio::test]
async fn request_id_that_is_replaced_is_found() {
    assert_breaks(
        "request_id",
        Should,
        async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            let other = HeaderValue::from_static("another-one");
            response.headers_mut().insert("x-request-id", other);
            response
        },
    )
    .await;
}

#[tokio::test]
async fn missing_allowed_method_is_found() {
    assert_breaks("method", Should, async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        response.headers_mut().remove("allow");
        response
    })
    .await;
}

#[tokio::test]
async fn error_in_another_media_type_is_found() {
    assert_breaks(
        "problem_document",
        Should,
        async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            if response.status() != StatusCode::OK {
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert("content-type", json);
            }
            response
        },
    )
    .await;
}

#[tokio::test]
async fn answer_that_changes_is_found() {
    let asked = Arc::new(AtomicU16::new(8000));
    let app = router().layer(from_fn(move |request: Request, next: Next| {
        let port = asked.fetch_add(1, Ordering::Relaxed).to_string();
        async move { replaced(next.run(request).await, "8443", &port).await }
    }));
    let report = check(app).await;
    assert!(rules(&report).contains(&(Must, "repeatable")), "{report}");
}

/// Changes a request before it is answered, or refuses it.
type Change = fn(Request) -> Result<Request, StatusCode>;

/// Rules that a change of the request breaks.
const CHANGES: [(Level, &str, Change); 7] = [
    (Must, "quic", |request| {
        refuse_if(request, |query| {
            query.contains("sessionId=console&transport=QUIC")
        })
    }),
    (Must, "client_ip_v6", |request| {
        refuse_if(request, |query| query.contains("%3A"))
    }),
    (Should, "client_ip_invalid", |request| {
        refuse_if(request, |query| {
            query.ends_with("clientIpAddress=unknown") || query.ends_with("clientIpAddress=")
        })
    }),
    (Should, "transport_invalid", |request| {
        let names = ["transport=http&", "transport=WEBSOCKET&", "transport=&"];
        Ok(replace(request, &names, "transport=HTTP&"))
    }),
    (Should, "exact_id", |request| {
        Ok(replace(request, &["CONSOLE", "console%20"], "console"))
    }),
    (Should, "unknown_parameter", |request| {
        refuse_if(request, |query| query.contains("later=1"))
    }),
    (Should, "body_ignored", |request| {
        let has_body = request.headers().contains_key("content-type");
        refuse_if(request, |_| has_body)
    }),
];

fn refuse_if(request: Request, is_it: impl Fn(&str) -> bool) -> Result<Request, StatusCode> {
    if is_it(&query(&request)) {
        Err(StatusCode::BAD_REQUEST)
    } else {
        Ok(request)
    }
}

fn replace(mut request: Request, texts: &[&str], other: &str) -> Request {
    let mut uri = request.uri().to_string();
    for text in texts {
        uri = uri.replace(text, other);
    }
    *request.uri_mut() = uri.parse().unwrap();
    request
}

#[tokio::test]
async fn each_rule_about_a_request_is_found() {
    for (level, rule, change) in CHANGES {
        let wrong = move |request: Request, next: Next| async move {
            match change(request) {
                Ok(request) => next.run(request).await,
                Err(status) => status.into_response(),
            }
        };
        assert_breaks(rule, level, wrong).await;
    }
}

#[tokio::test]
async fn tests_know_every_rule() {
    // The first answer is right, and no other is.
    let asked = Arc::new(AtomicU16::new(0));
    let app = router().layer(from_fn(move |request: Request, next: Next| {
        let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if is_first {
                next.run(request).await
            } else {
                StatusCode::IM_A_TEAPOT.into_response()
            }
        }
    }));
    let broken = rules(&check(app).await);
    // Rules of the answer alone have tests in the client.
    let of_sample = BROKEN.into_iter().filter(|it| it.1 != "content_type");
    let of_changes = CHANGES.into_iter().map(|(level, rule, _)| (level, rule));
    let others = [
        (Must, "repeatable"),
        (Must, "unknown_session"),
        (Should, "method"),
    ];
    let known: BTreeSet<_> = of_sample.chain(of_changes).chain(others).collect();
    assert_eq!(broken, known);
}

/// Some servers answer 411 to a POST without it, and a gateway sends it.
#[tokio::test]
async fn every_request_has_a_length() {
    let app = router().layer(from_fn(async |request: Request, next: Next| {
        if !request.headers().contains_key("content-length") {
            return StatusCode::LENGTH_REQUIRED.into_response();
        }
        next.run(request).await
    }));
    let report = check(app).await;
    assert!(report.is_kept(), "{report}");
}

#[tokio::test]
async fn breach_shows_what_was_sent_answered_and_expected() {
    let report = check(
        router().layer(from_fn(async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            response.headers_mut().remove("cache-control");
            response
        })),
    )
    .await;
    assert_eq!(
        report.to_string(),
        "should  not_stored: answers are not stored by caches in between\n        \
         sent      POST /resolveSession?sessionId=console&transport=HTTP&clientIpAddress=192.0.2.7\n        \
         answered  200, application/json, {\"SessionId\":\"console\",\"TransportProtocol\":\"HTTP\",\"DcvServerEndpoint\":\"ws-17.dcv.example\",\"Port\":8443,\"WebUrlPath\":\"/\"}\n        \
         expected  the header cache-control: no-store\n\
         broken rules: 1, of which a gateway relies on 0; 39 requests"
    );
}
