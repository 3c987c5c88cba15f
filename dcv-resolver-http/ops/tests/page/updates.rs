//! The page keeps itself up to date, and lets the resolver rest.

use dcv_resolver_test_support::browser::{Browser, key};
use serde_json::{Value, json};

use crate::fixture::Served;

async fn type_into(browser: &Browser, id: &str, text: &str) {
    let script = format!("document.getElementById('{id}').focus()");
    browser.run(&script).await;
    browser.press(text).await;
}

async fn first_shown(browser: &Browser) -> String {
    browser
        .text_of("#decision-rows tr:not([hidden]) .pick")
        .await
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn new_decisions_arrive_filtered_and_keep_the_focus() {
    let served = Served::with_sessions(3);
    served.ask("ws-1-expired", "").await;
    served.ask("console", "&clientIpAddress=192.0.2.9").await;
    let browser = served.open().await;
    assert_eq!(first_shown(&browser).await, "console");
    type_into(&browser, "filter", "expired").await;
    assert_eq!(first_shown(&browser).await, "ws-1-expired");
    assert_eq!(browser.text_of("#decisions-count").await, "1 of 2");
    browser
        .run("document.querySelector('tr:not([hidden]) .pick').focus()")
        .await;

    served.ask("ann's workstation", "").await;
    served.ask("ws-1-expired", "&transport=QUIC").await;
    browser
        .wait_until("document.getElementById('decisions-count').textContent === '2 of 4'")
        .await;
    let focused = "return document.activeElement === [...document.querySelectorAll('tr:not([hidden]) .pick')].at(-1)";
    assert_eq!(browser.run(focused).await, true);
    type_into(&browser, "filter", " nothing").await;
    assert_eq!(
        browser.text_of("#decisions-empty").await,
        "No decision matches."
    );
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn transport_without_a_port_is_not_offered_rather_than_not_found() {
    let served = Served::with_sessions(3);
    served.ask("console", "").await;
    served.ask("console", "&transport=QUIC").await;
    let browser = served.open().await;
    let shown = "return [...document.querySelectorAll('#decision-rows td.outcome')].map(it => it.textContent)";
    assert_eq!(browser.run(shown).await, json!(["not offered", "found"]));
    type_into(&browser, "filter", "not offered").await;
    assert_eq!(browser.text_of("#decisions-count").await, "1 of 2");
    browser
        .run("document.querySelector('tr:not([hidden]) .pick').click()")
        .await;
    browser
        .wait_until("document.querySelector('#explanation .answer h3')")
        .await;
    let answer = browser.text_of("#explanation .answer h3").await;
    assert_eq!(answer, "Not offered over QUIC");
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn decisions_without_a_destination_are_shown_alone() {
    let served = Served::with_sessions(3);
    served.ask("ann", "").await;
    served.ask_raw("session=console").await;
    served.ask("ws-2-creating", "").await;
    for _ in 0..201 {
        served.ask("console", "").await;
    }
    let browser = served.open().await;
    assert_eq!(browser.text_of("#decisions-count").await, "203 decisions");
    let shown = "return [...document.querySelectorAll('#decision-rows tr:not([hidden]) .pick')].map(it => it.textContent)";
    browser
        .run("document.getElementById('failed').click()")
        .await;
    assert_eq!(
        browser.run(shown).await,
        json!(["ws-2-creating", "no session id", "ann"])
    );
    assert_eq!(browser.text_of("#decisions-count").await, "3 of 203");
    type_into(&browser, "filter", "not ready").await;
    assert_eq!(browser.run(shown).await, json!(["ws-2-creating"]));
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn page_shows_the_last_200() {
    let served = Served::with_sessions(3);
    served.ask("first", "").await;
    let browser = served.open().await;
    browser.run("document.querySelector('.pick').focus()").await;
    for number in 0..205 {
        served.ask(&format!("id-{number}"), "").await;
    }
    browser
        .wait_until("document.querySelector('.pick').textContent === 'id-204'")
        .await;
    let shown = browser
        .run("return document.querySelectorAll('#decision-rows tr').length")
        .await;
    assert_eq!(shown, 200);
    // The row that had the focus is no longer there.
    let focused = "return document.activeElement.className";
    assert_eq!(browser.run(focused).await, "pick");
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn sessions_are_searched_while_one_types() {
    let served = Served::with_sessions(10_000);
    let browser = served.open().await;
    browser
        .run("document.getElementById('sessions-tab').click()")
        .await;
    browser
        .wait_until("document.querySelector('#session-rows tr')")
        .await;
    type_into(&browser, "search", "WS-9987").await;
    let found =
        "return [...document.querySelectorAll('#session-rows .pick')].map(it => it.textContent)";
    browser
        .wait_until("document.querySelectorAll('#session-rows tr').length === 1")
        .await;
    assert_eq!(browser.run(found).await, json!(["ws-9987-console"]));
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn store_that_fails_leaves_the_choice_of_another() {
    let served = Served::with_sessions(0);
    let browser = served.open().await;
    browser
        .run(
            "const real = fetch; globalThis.fetch = (path, ...rest) => path === 'sessions' \
             ? Promise.resolve(new Response('{\"detail\":\"it is down\"}', { status: 503 })) : real(path, ...rest)",
        )
        .await;
    browser
        .run("document.getElementById('sessions-tab').click()")
        .await;
    browser
        .wait_until("document.getElementById('sessions-empty').textContent.endsWith('it is down')")
        .await;
    browser
        .run("const it = document.getElementById('store'); it.value = 'by_hand'; it.dispatchEvent(new Event('change'))")
        .await;
    browser
        .wait_until("document.querySelectorAll('#session-rows tr').length === 2")
        .await;
}

/// The page's requests for sessions and explanations wait to be released.
const HOLD: &str = "globalThis.held = []; const real = fetch; globalThis.fetch = (path, ...rest) => \
    /^(sessions|explain)/.test(path) \
    ? new Promise(resolve => held.push({ path, release: () => resolve(real(path, ...rest)) })) \
    : real(path, ...rest)";

/// Returns the paths of the requests that were held, released or not.
async fn held(browser: &Browser) -> Value {
    browser.run("return held.map(it => it.path)").await
}

/// The resolver works on until the end for one that was aborted.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn one_request_of_a_kind_is_in_flight_and_then_the_latest() {
    let served = Served::with_sessions(3);
    for id in ["first", "second", "third"] {
        served.ask(id, "").await;
    }
    let browser = served.open().await;
    browser
        .wait_until("document.querySelectorAll('#decision-rows tr').length === 3")
        .await;
    browser.run(HOLD).await;

    browser
        .run("for (const it of document.querySelectorAll('#decision-rows .pick')) it.click()")
        .await;
    let third = "explain?sessionId=third&transport=HTTP";
    assert_eq!(held(&browser).await, json!([third]));
    browser.run("held[0].release()").await;
    browser.wait_until("held.length === 2").await;
    browser.run("held[1].release()").await;
    browser
        .wait_until("document.querySelector('.asked')?.textContent === 'first'")
        .await;
    let first = "explain?sessionId=first&transport=HTTP";
    assert_eq!(held(&browser).await, json!([third, first]));

    browser
        .run("held.length = 0; document.getElementById('sessions-tab').click()")
        .await;
    assert_eq!(held(&browser).await, json!(["sessions"]));
    browser.run("held[0].release()").await;
    browser
        .wait_until("document.querySelectorAll('#session-rows tr').length === 3")
        .await;
    browser
        .run(
            "const it = document.getElementById('store'); for (const store of ['by_hand', 'agents', 'by_hand']) { \
             it.value = store; it.dispatchEvent(new Event('change')) }",
        )
        .await;
    browser.run("held[1].release()").await;
    browser.wait_until("held.length === 3").await;
    browser.run("held[2].release()").await;
    browser
        .wait_until("document.querySelectorAll('#session-rows tr').length === 2")
        .await;
    let by_hand = "sessions?store=by_hand";
    assert_eq!(held(&browser).await, json!(["sessions", by_hand, by_hand]));
}

/// It would continue the search before.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn no_page_is_turned_while_a_search_is_pending() {
    let served = Served::with_sessions(250);
    let browser = served.open().await;
    browser
        .run("document.getElementById('sessions-tab').click()")
        .await;
    browser
        .wait_until("!document.getElementById('next').disabled")
        .await;
    browser.run("document.getElementById('next').click()").await;
    browser
        .wait_until("!document.getElementById('previous').disabled")
        .await;
    browser.run(HOLD).await;
    let disabled = "return ['previous', 'next'].map(it => document.getElementById(it).disabled)";
    let change = "document.getElementById('store').dispatchEvent(new Event('change'));";
    assert_eq!(
        browser.run(&format!("{change} {disabled}")).await,
        json!([true, true])
    );
    let input = "const it = document.getElementById('search'); it.value = 'WS'; it.dispatchEvent(new Event('input'));";
    browser.run(&format!("{input} held[0].release()")).await;
    browser.wait_until("held.length === 2").await;
    assert_eq!(browser.run(disabled).await, json!([true, true]));
    browser.run("held[1].release()").await;
    browser
        .wait_until("!document.getElementById('next').disabled")
        .await;
    assert_eq!(browser.text_of("#page-number").await, "page 1");
    assert_eq!(
        held(&browser).await,
        json!(["sessions?store=agents", "sessions?store=agents&search=WS"])
    );
}

/// The timers of the page are called by the test.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn hidden_and_paused_pages_ask_nothing_and_a_failing_resolver_is_asked_less() {
    let served = Served::with_sessions(3);
    let browser = served.open().await;
    browser
        .run("globalThis.timers = []; globalThis.setTimeout = (call, ms) => { timers.push([call, ms]); return 0 }")
        .await;
    browser.wait_until("timers.length === 1").await;
    browser.take_requests().await;

    browser.run("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); timers[0][0]()").await;
    assert_eq!(browser.take_requests().await, [""; 0]);
    browser
        .run("delete document.hidden; document.getElementById('pause').click(); timers[0][0]()")
        .await;
    assert_eq!(browser.take_requests().await, [""; 0]);
    browser
        .run("document.getElementById('pause').click()")
        .await;
    browser.wait_until("timers.length === 2").await;
    assert_eq!(browser.take_requests().await.len(), 2);

    browser
        .run("globalThis.fetch = () => Promise.reject(new TypeError())")
        .await;
    for asked in 3..8 {
        browser.run("timers.at(-1)[0]()").await;
        browser
            .wait_until(&format!("timers.length === {asked}"))
            .await;
    }
    let waits = browser.run("return timers.map(it => it[1])").await;
    assert_eq!(
        waits,
        json!([3_000, 3_000, 6_000, 12_000, 24_000, 30_000, 30_000])
    );
    assert!(
        browser
            .text_of("#problem")
            .await
            .contains("cannot be reached")
    );
}

/// What operators are sent is a user's link, perhaps with a token.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn link_of_a_client_is_explained_by_its_id() {
    let served = Served::with_sessions(3);
    let browser = served.open().await;
    browser.take_requests().await;
    let link = "https://gateway.example:8443/?authToken=tr0ub4dor#ann%27s%20workstation&authToken=tr0ub4dor";
    type_into(&browser, "session", link).await;
    browser.press(key::ENTER).await;
    browser
        .wait_until("document.querySelector('#explanation .path')")
        .await;
    let value = browser
        .run("return document.getElementById('session').value")
        .await;
    assert_eq!(value, "ann's workstation");
    for tail in [
        "console?authToken=tr0ub4dor",
        "?authToken=tr0ub4dor#console",
        "console#authToken=tr0ub4dor",
        "console%3FauthToken%3Dtr0ub4dor",
        "https://gateway.example:8443/#console%3FauthToken%3Dtr0ub4dor",
        "gateway.example:8443/#console;authToken=tr0ub4dor",
    ] {
        browser
            .run("document.getElementById('session').value = ''")
            .await;
        type_into(&browser, "session", tail).await;
        browser.press(key::ENTER).await;
        browser
            .wait_until("document.getElementById('session').value === 'console'")
            .await;
    }
    let asked = browser.take_requests().await;
    assert!(
        !asked.iter().any(|url| url.contains("tr0ub4dor")),
        "{asked:?}"
    );
}
