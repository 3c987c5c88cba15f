use axum::body::Bytes;
use axum::http::Response;
use dcv_resolver_client::{Answer, AnswerError, read_answer, violations};
use dcv_resolver_core::testing;
use serde_json::Value;

use crate::message;

/// The answer of another resolver: a destination is exactly what the usual reader
/// of JSON finds in it, and an answer without one is an error with a reason.
///
/// The input is the status, the content type if there is one, and the body: the
/// first line is `200 application/json`.
pub fn upstream_answer(data: &[u8]) {
    let Some(response) = response(data) else {
        return;
    };
    let request = testing::request("console");
    let found = violations(&request, &response);
    for violation in &found {
        message::check(&violation.to_string());
    }
    let status = response.status().as_u16();
    match read_answer(&request, &response) {
        Ok(Answer::Found(destination)) => {
            assert_eq!(status, 200);
            assert!(found.iter().all(|violation| violation.is_tolerated()));
            let body: Value = serde_json::from_slice(response.body()).expect("it is JSON");
            assert_eq!(body["SessionId"], destination.session_id.as_str());
            assert_eq!(body["TransportProtocol"], "HTTP");
            assert_eq!(destination.transport, request.transport());
            let host = body["DcvServerEndpoint"].as_str().map(str::parse);
            assert_eq!(host, Some(Ok(destination.host)));
            assert_eq!(body["Port"], destination.port);
            let path = body["WebUrlPath"].as_str().map(str::parse);
            assert_eq!(path, Some(Ok(destination.web_url_path)));
        }
        Ok(_) => {
            assert_eq!(status, 404);
            assert!(found.is_empty(), "{found:?}");
        }
        Err(error) => {
            message::check_up_to(&error.to_string(), 64 * 1024);
            match error {
                AnswerError::Contract(broken) => {
                    assert!(!broken.is_empty());
                    assert!(broken.iter().all(|violation| !violation.is_tolerated()));
                    assert!(broken.iter().all(|violation| found.contains(violation)));
                }
                AnswerError::Status { status: found, .. } => {
                    assert_eq!(found.as_u16(), status);
                    assert!(status != 200 && !(300..400).contains(&status));
                }
                other => panic!("{other}"),
            }
        }
    }
}

fn response(data: &[u8]) -> Option<Response<Bytes>> {
    let line_end = data.iter().position(|byte| *byte == b'\n')?;
    let (line, body) = data.split_at(line_end);
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let status: u16 = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let mut response = Response::builder().status(status);
    if let Some(content_type) = words.next() {
        response = response.header("content-type", content_type);
        response = response.header("location", content_type);
    }
    response.body(Bytes::copy_from_slice(&body[1..])).ok()
}
