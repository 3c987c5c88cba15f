//! Which rules of the contract an answer breaks.

use dcv_resolver_client::{Answer, AnswerError, Bytes, Response, read_answer, violations};
use dcv_resolver_core::Transport;
use serde_json::json;

use crate::support::{http, request};

fn response(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let response = Response::builder().status(status);
    let response = response.header("content-type", content_type);
    response.body(body.into()).unwrap()
}

fn ok(body: impl Into<Bytes>) -> Response<Bytes> {
    response(200, "application/json", body)
}

/// Returns the violations of the answer to a request for HTTP.
fn broken(body: &str) -> Vec<String> {
    let found = violations(&http("a"), &ok(body.to_owned()));
    found.iter().map(ToString::to_string).collect()
}

/// Returns a valid answer after `change`.
fn changed(key: &str, value: serde_json::Value) -> String {
    let mut answer = json!({
        "SessionId": "console",
        "TransportProtocol": "HTTP",
        "DcvServerEndpoint": "ws-17.dcv.example",
        "Port": 8443,
        "WebUrlPath": "/",
    });
    answer[key] = value;
    answer.to_string()
}

#[test]
fn valid_answer_breaks_no_rule() {
    let body = changed("Port", json!(1));
    assert_eq!(broken(&body), Vec::<String>::new());
    let answer = read_answer(&http("a"), &ok(body)).unwrap();
    assert_eq!(answer.destination().unwrap().port, 1);
}

#[test]
fn each_broken_rule_has_a_sentence() {
    for (body, expected) in [
        ("".to_owned(), "the status is 200, but the body is empty"),
        (
            " <!DOCTYPE html><p>".to_owned(),
            "the body is a web page instead of JSON; perhaps another server answered",
        ),
        (
            "{".to_owned(),
            "the body is not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            format!("{}{{}}", changed("Port", json!(1))),
            "the body is not JSON: trailing characters at line 1 column 117",
        ),
        ("null".to_owned(), "the body is null; expected an object"),
        (
            json!("{}").to_string(),
            "the body is a string; expected an object",
        ),
        (
            changed("Port", json!("8443")),
            "Port is a string; expected a number",
        ),
        (
            changed("Port", json!(0)),
            "Port is 0; expected an integer from 1 to 65535",
        ),
        (
            changed("Port", json!(65536)),
            "Port is 65536; expected an integer from 1 to 65535",
        ),
        (
            changed("Port", json!(8443.0)),
            "Port is 8443.0; expected an integer from 1 to 65535",
        ),
        (changed("Port", json!(null)), "Port is null"),
        (
            changed("DcvServerEndpoint", json!("https://ws.example")),
            "DcvServerEndpoint is \"https://ws.example\": a host is a bare DNS name or IP address, without the scheme",
        ),
        (
            changed("DcvServerEndpoint", json!("ws.example:8443")),
            "DcvServerEndpoint is \"ws.example:8443\": a host is a bare DNS name or IP address; the port has a field of its own",
        ),
        (
            changed("DcvServerEndpoint", json!("[2001:db8::1]")),
            "DcvServerEndpoint is \"[2001:db8::1]\": an IPv6 address is written without brackets here",
        ),
        (
            changed("DcvServerEndpoint", json!("\u{1b}[2J")),
            "DcvServerEndpoint is \"\\u{1b}[2J\": not a DNS name: each part between dots must have 1 to 63 letters, digits, '-' or '_', with no '-' at either end",
        ),
        (
            changed("SessionId", json!("")),
            "SessionId is invalid: a session id must not be empty",
        ),
        (
            changed("WebUrlPath", json!("desktop")),
            "WebUrlPath is \"desktop\": a web URL path starts with '/'",
        ),
        (
            changed("TransportProtocol", json!("QUIC")),
            "TransportProtocol is \"QUIC\"; expected \"HTTP\", which was asked for",
        ),
        (
            changed("TransportProtocol", json!("http")),
            "TransportProtocol is \"http\"; expected \"HTTP\", which was asked for",
        ),
        (
            changed("Port", json!(1)).replace("Port", "port"),
            "the key \"port\" is written Port",
        ),
        (
            changed("Port", json!(1)).replace("WebUrlPath", "web_url_path"),
            "the key \"web_url_path\" is written WebUrlPath",
        ),
        (
            changed("Port", json!(1)).replace("\"Port\":1,", ""),
            "the key Port is missing",
        ),
        (
            changed("Port", json!(1)).replace("\"Port\":1", "\"Port\":1,\"Port\":2"),
            "the key Port occurs more than once",
        ),
    ] {
        assert_eq!(broken(&body), [expected], "{body}");
        let error = read_answer(&http("a"), &ok(body)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the resolver's answer breaks the contract: {expected}")
        );
    }
}

#[test]
fn all_broken_rules_of_an_answer_are_listed() {
    let body = r#"{"sessionId":"a","Port":"1","DcvServerEndpoint":null}"#;
    assert_eq!(
        broken(body),
        [
            "the key \"sessionId\" is written SessionId",
            "the key TransportProtocol is missing",
            "DcvServerEndpoint is null",
            "Port is a string; expected a number",
            "the key WebUrlPath is missing",
        ]
    );
}

#[test]
fn tolerated_violations_are_listed_and_the_answer_is_used() {
    let quic = request("a", Transport::Quic);
    for (answer, expected) in [
        (
            ok(changed("Tags", json!([]))),
            "there is a key besides the five: \"Tags\"",
        ),
        (
            ok(changed("WebUrlPath", json!(""))),
            "WebUrlPath is empty; expected a path that starts with \"/\"",
        ),
        (
            response(200, "text/html; charset=utf-8", changed("Port", json!(1))),
            "the content type is \"text/html; charset=utf-8\"; expected application/json",
        ),
    ] {
        let found = violations(&http("a"), &answer);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].to_string(), expected);
        assert!(found[0].is_tolerated());
        assert!(read_answer(&http("a"), &answer).is_ok());
        // It is not an excuse for others.
        assert!(read_answer(&quic, &answer).is_err());
    }
    let without_type = Response::new(Bytes::from(changed("Port", json!(1))));
    assert_eq!(
        violations(&http("a"), &without_type)[0].to_string(),
        "there is no content type; expected application/json"
    );
    let json_type = response(
        200,
        "Application/JSON; charset=utf-8",
        changed("Port", json!(1)),
    );
    assert_eq!(violations(&http("a"), &json_type), []);
}

#[test]
fn any_404_is_an_answer() {
    for (body, is_html) in [
        ("", false),
        ("The requested combination does not exist", false),
        ("{\"status\":404,\"error\":\"Not Found\"}", false),
        ("<html>", true),
    ] {
        let answer = read_answer(&http("a"), &response(404, "text/plain", body));
        let Answer::NotFound(not_found) = answer.unwrap() else {
            panic!("{body}");
        };
        assert_eq!(not_found.reason, None);
        assert_eq!(not_found.is_html, is_html);
    }
}

#[test]
fn other_status_is_not_an_answer() {
    for status in [204, 400, 401, 403, 429, 500, 503] {
        let response = response(status, "application/json", changed("Port", json!(1)));
        let error = read_answer(&http("a"), &response).unwrap_err();
        assert!(matches!(error, AnswerError::Status { status: found, .. } if found == status));
        assert_eq!(violations(&http("a"), &response), []);
    }
}
