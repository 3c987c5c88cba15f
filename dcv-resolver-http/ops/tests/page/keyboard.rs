//! Everything without a pointer.

use dcv_resolver_test_support::browser::{Browser, key};

use crate::fixture::Served;

const DOWN: &str = "\u{e015}";
const UP: &str = "\u{e013}";
const RIGHT: &str = "\u{e014}";

/// Returns what has the focus: its id, or its text.
async fn focused(browser: &Browser) -> String {
    let script = "const it = document.activeElement; return it.id || it.textContent";
    browser.run(script).await.as_str().unwrap().to_owned()
}

async fn tab_to(browser: &Browser, target: &str) {
    let mut passed = Vec::new();
    for _ in 0..40 {
        let at = focused(browser).await;
        if at == target {
            return;
        }
        passed.push(at);
        browser.press(key::TAB).await;
    }
    panic!("Tab does not reach {target}, but {passed:#?}");
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn keyboard_reaches_everything() {
    let served = Served::with_sessions(250);
    served.ask_for_all().await;
    let browser = served.open().await;
    for target in [
        "Skip to the content",
        "pause",
        "session",
        "transport",
        "client",
        "Explain",
        "decisions-tab",
        "filter",
        "failed",
        "ann's workstation",
    ] {
        tab_to(&browser, target).await;
    }

    // The arrow keys move between rows, and the focus returns to the row.
    browser.press(DOWN).await;
    assert_eq!(focused(&browser).await, "console");
    browser.press(&format!("{DOWN}{UP}{UP}")).await;
    assert_eq!(focused(&browser).await, "ann's workstation");
    browser.press(&format!("{DOWN}{}", key::ENTER)).await;
    browser
        .wait_until("document.querySelector('#explanation .path')")
        .await;
    assert_eq!(focused(&browser).await, "explanation-title");
    tab_to(&browser, "close").await;
    browser.press(key::ESCAPE).await;
    assert_eq!(focused(&browser).await, "console");

    // A suggestion is a button.
    browser
        .run("document.getElementById('session').focus()")
        .await;
    browser.press("Console").await;
    browser.press(key::ENTER).await;
    browser
        .wait_until("document.querySelector('#explanation .near')")
        .await;
    tab_to(&browser, "console").await;
    browser.press(key::ENTER).await;
    browser
        .wait_until("document.querySelector('#explanation .answer[data-tone=ok], #explanation li:last-child[data-tone=ok] .answer')")
        .await;
    browser.press(key::ESCAPE).await;
    assert_eq!(focused(&browser).await, "session");

    // Sessions, and their pages.
    tab_to(&browser, "decisions-tab").await;
    browser.press(RIGHT).await;
    assert_eq!(focused(&browser).await, "sessions-tab");
    for target in ["store", "search"] {
        tab_to(&browser, target).await;
    }
    browser
        .wait_until("document.querySelector('#session-rows tr')")
        .await;
    tab_to(&browser, "next").await;
    browser.press(key::ENTER).await;
    browser
        .wait_until("document.getElementById('page-number').textContent === 'page 2'")
        .await;
    assert_eq!(focused(&browser).await, "next");
    browser.press(key::ENTER).await;
    browser
        .wait_until("document.getElementById('page-number').textContent === 'page 3'")
        .await;
    // There is no further page, and the focus is not lost.
    browser
        .wait_until("document.activeElement.id === 'previous'")
        .await;
}

/// A pointer that ends a selection picks no row.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn enter_picks_a_row_while_text_is_selected() {
    let served = Served::with_sessions(3);
    served.ask("console", "").await;
    let browser = served.open().await;
    browser
        .wait_until("document.querySelector('#decision-rows .pick')")
        .await;
    browser
        .run("document.querySelector('.pick').focus(); getSelection().selectAllChildren(document.querySelector('h1'))")
        .await;
    browser.press(key::ENTER).await;
    browser
        .wait_until("document.querySelector('#explanation .path')")
        .await;
}
