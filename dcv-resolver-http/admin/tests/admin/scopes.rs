//! Tokens that are limited to some ids or hosts.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;

use crate::fixture::{Answer, App, BODY, LEASE, bearing};
use crate::log::log_of_this_thread;

const AGENT: &str = "tr0ub4dor-agent--0123456789abcdef";
const ELSEWHERE: &str = r#"{"host":"192.0.2.8","http_port":8443,"ttl_ms":60000}"#;

/// [`BODY`] leads to 192.0.2.7.
fn app(limits: &str) -> App {
    let app = App::new();
    app.add_tokens(&format!("agent read-write {AGENT} {limits}\n"));
    app
}

async fn ask(app: &App, method: &str, path: &str, body: &str) -> Answer {
    let request = bearing(AGENT, method, path)
        .header("lease-token", LEASE)
        .header(CONTENT_TYPE, "application/json");
    app.send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn token_limited_to_ids_is_refused_for_others() {
    let app = app("ids=ws-17-* ids=console");
    let renewal = r#"{"ttl_ms":1}"#;
    for id in ["ws-17-a", "console"] {
        let path = format!("/v1/sessions/{id}");
        ask(&app, "PUT", &path, BODY).await.expect(200, "");
        ask(&app, "GET", &path, "").await.expect(200, "");
        ask(&app, "POST", &format!("{path}/renew"), renewal)
            .await
            .expect(200, "");
        ask(&app, "DELETE", &path, "").await.expect(204, "");
    }
    for id in ["ws-18-a", "WS-17-a", "consoles", "ws-17", "x%2Fws-17-a"] {
        app.register(id, LEASE, BODY).await.expect(200, "");
        let path = format!("/v1/sessions/{id}");
        for (method, path, body) in [
            ("PUT", &path, BODY),
            ("GET", &path, ""),
            ("HEAD", &path, ""),
            ("POST", &format!("{path}/renew"), renewal),
            ("DELETE", &path, ""),
        ] {
            let answer = ask(&app, method, path, body).await;
            assert_eq!(answer.status, 403, "{method} {path}");
            if method != "HEAD" {
                answer.expect(403, "forbidden");
                assert_eq!(
                    answer.detail(),
                    "the caller is limited to other session ids; those of a token are in the token file, after ids="
                );
            }
        }
        app.get(&path).await.expect(200, "");
    }
    // Absent or not, the answer is the same.
    ask(&app, "GET", "/v1/sessions/absent", "")
        .await
        .expect(403, "forbidden");
}

#[tokio::test]
async fn token_limited_to_hosts_is_refused_for_others() {
    let app = app("hosts=*.dcv.example hosts=192.0.2.7");
    let named = r#"{"host":"WS-17.DCV.example","http_port":8443,"ttl_ms":60000}"#;
    for body in [BODY, named] {
        ask(&app, "PUT", "/v1/sessions/a", body)
            .await
            .expect(200, "");
        ask(&app, "GET", "/v1/sessions/a", "").await.expect(200, "");
    }
    let refused = ask(&app, "PUT", "/v1/sessions/b", ELSEWHERE).await;
    refused.expect(403, "forbidden");
    assert_eq!(
        refused.detail(),
        "the caller is limited to sessions on other hosts; those of a token are in the token file, after hosts="
    );
    app.get("/v1/sessions/b").await.expect(404, "unknown");

    app.register("b", LEASE, ELSEWHERE).await.expect(200, "");
    ask(&app, "GET", "/v1/sessions/b", "")
        .await
        .expect(403, "forbidden");
}

#[tokio::test]
async fn limited_token_cannot_list() {
    for limits in ["ids=*", "hosts=*"] {
        let answer = ask(&app(limits), "GET", "/v1/sessions", "").await;
        answer.expect(403, "forbidden");
        assert_eq!(
            answer.detail(),
            "the caller is limited to some sessions and cannot list them; read one at /v1/sessions/{id}"
        );
    }
}

#[tokio::test]
async fn refusal_by_a_limit_is_audited() {
    let app = app("ids=a hosts=192.0.2.7");
    let (log, _guard) = log_of_this_thread();
    ask(&app, "PUT", "/v1/sessions/b", BODY).await;
    ask(&app, "PUT", "/v1/sessions/a", ELSEWHERE).await;
    let events = log.take();
    assert_eq!(events.len(), 2, "{events:?}");
    for (event, id) in events.iter().zip(["b", "a"]) {
        assert_eq!(event["target"], "dcv_resolver::audit");
        assert_eq!(event["principal"], "agent");
        assert_eq!(event["session_id"], id);
        assert_eq!(event["outcome"], "refused");
        assert_eq!(event["reason"], "forbidden");
    }
    assert_eq!(events[1]["host"], "192.0.2.8");
}

/// A file whose limits are invalid must not lift those that are valid.
#[tokio::test]
async fn invalid_limit_in_a_changed_file_leaves_the_limits_as_they_are() {
    let app = app("ids=a");
    app.replace_tokens(&format!("agent read-write {AGENT} id=*\n"));
    assert!(app.tokens().reload().is_err());
    ask(&app, "PUT", "/v1/sessions/b", BODY)
        .await
        .expect(403, "forbidden");
    app.replace_tokens(&format!("agent read-write {AGENT} ids=*\n"));
    app.tokens().reload().unwrap();
    ask(&app, "PUT", "/v1/sessions/b", BODY)
        .await
        .expect(200, "");
}
