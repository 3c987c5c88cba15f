//! A page that needs a token.

use dcv_resolver_authorize::{AccessRequest, AuthError, Authorize, Principal};
use dcv_resolver_core::async_trait;
use dcv_resolver_test_support::browser::{Browser, key};

use crate::fixture::Served;

const TOKEN: &str = "tr0ub4dor-0123456789";
const ASKS: &str = "!document.getElementById('token-form').hidden";

#[derive(Debug)]
pub(crate) struct Bearer;

#[async_trait]
impl Authorize for Bearer {
    async fn authorize(&self, request: &AccessRequest<'_>) -> Result<Principal, AuthError> {
        let sent = request.headers.get("authorization");
        if sent.is_some_and(|it| it.as_bytes() == format!("Bearer {TOKEN}").as_bytes()) {
            return Ok(Principal::new("ann"));
        }
        Err(AuthError::bearer("send a token"))
    }
}

async fn enter(browser: &Browser, token: &str) {
    browser
        .run("document.getElementById('token').focus()")
        .await;
    browser.press(token).await;
    browser.press(key::ENTER).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn page_asks_for_a_token_and_keeps_it_in_memory() {
    let served = Served::start(3, Bearer);
    served.ask("console", "").await;
    let browser = served.open().await;
    let refuses = "!document.getElementById('token-refused').hidden";
    let shows = "document.querySelector('#decision-rows tr')";
    browser.wait_until(ASKS).await;
    browser.screenshot("page-token").await;
    assert_eq!(browser.run(&format!("return {refuses}")).await, false);
    // The stores need none.
    assert!(browser.text_of("#stores").await.contains("by_hand"));
    let empty = browser.text_of("#decisions-empty").await;
    assert_eq!(empty, "The decisions need a token: enter it above.");
    browser
        .run("document.getElementById('sessions-tab').click()")
        .await;
    browser
        .wait_until("document.getElementById('sessions-empty').textContent")
        .await;
    let empty = browser.text_of("#sessions-empty").await;
    assert_eq!(empty, "The sessions cannot be shown: enter a token above");
    browser
        .run("document.getElementById('decisions-tab').click()")
        .await;

    enter(&browser, "tr0ub4dor-wrong").await;
    browser.wait_until(refuses).await;
    enter(&browser, TOKEN).await;
    browser.wait_until(shows).await;
    browser
        .wait_until("document.getElementById('token-form').hidden")
        .await;

    let kept = "return [localStorage.length, sessionStorage.length, document.cookie.length, document.getElementById('token').value.length]";
    assert_eq!(browser.run(kept).await, serde_json::json!([0, 0, 0, 0]));
    for url in browser.take_requests().await {
        assert!(!url.contains("tr0ub4dor"), "{url}");
    }
    browser.open(&served.url()).await;
    browser.wait_until(ASKS).await;
    assert_eq!(
        browser.run(&format!("return {shows}")).await,
        serde_json::Value::Null
    );
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn focus_is_kept_after_a_token() {
    let served = Served::start(3, Bearer);
    for tab in ["decisions", "sessions"] {
        let browser = served.open().await;
        browser.wait_until(ASKS).await;
        browser
            .run(&format!("document.getElementById('{tab}-tab').click()"))
            .await;
        enter(&browser, TOKEN).await;
        let focused = "return document.activeElement.id";
        assert_eq!(browser.run(focused).await, "main", "{tab}");
    }
}

/// The browser sends no header with such a character.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn token_that_no_header_holds_is_refused() {
    let served = Served::start(3, Bearer);
    let browser = served.open().await;
    browser.wait_until(ASKS).await;
    for token in ["tr0ub4dor-\u{2026}", "tr0ub4dor-é", "tr0ub4dor two"] {
        browser
            .run("document.getElementById('token-refused').hidden = true")
            .await;
        enter(&browser, token).await;
        let state = "return [document.getElementById('token-form').hidden, document.getElementById('token-refused').hidden]";
        assert_eq!(
            browser.run(state).await,
            serde_json::json!([false, false]),
            "{token}"
        );
    }
    enter(&browser, TOKEN).await;
    browser
        .wait_until("document.getElementById('token-form').hidden")
        .await;
    assert_eq!(browser.text_of("#problem").await, "");
}
