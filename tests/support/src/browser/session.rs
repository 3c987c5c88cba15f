//! [`Session`]: commands of the [WebDriver protocol](https://www.w3.org/TR/webdriver2/).

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;

/// How long a test waits for a page: a busy machine takes seconds to start a
/// browser.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// One browser that chromedriver has started.
#[derive(Debug)]
pub(super) struct Session {
    driver: SocketAddr,
    path: String,
}

impl Session {
    /// Starts a browser with these capabilities.
    pub(super) async fn create(port: u16, capabilities: &Value) -> Self {
        let driver = ([127, 0, 0, 1], port).into();
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let created = send(driver, "POST", "/session", &body.to_string()).await;
        let id = created["sessionId"].as_str().unwrap();
        Self {
            driver,
            path: format!("/session/{id}"),
        }
    }

    pub(super) async fn get(&self, command: &str) -> Value {
        let target = format!("{}/{command}", self.path);
        send(self.driver, "GET", &target, "").await
    }

    pub(super) async fn post(&self, command: &str, body: &Value) -> Value {
        let target = format!("{}/{command}", self.path);
        send(self.driver, "POST", &target, &body.to_string()).await
    }
}

/// Sends a command on a connection of its own and returns its value.
async fn send(driver: SocketAddr, method: &str, target: &str, body: &str) -> Value {
    let mut client = Client::connect(driver).await;
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    client.send(request).await;
    assert!(
        client.is_readable_within(DEADLINE).await,
        "{method} {target}: no answer in time"
    );
    let answer = client.answer().await;
    let mut json: Value = serde_json::from_str(&answer.body).unwrap();
    let value = json["value"].take();
    assert_eq!(answer.status, 200, "{method} {target}: {value:#}");
    value
}
