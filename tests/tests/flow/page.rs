//! What the page shows to a user.

use dcv_resolver_test_support::browser::Browser;
use dcv_resolver_testkit::GatewayMetric::{
    SessionResolverConnectionErrorCount, SessionResolverNotFoundCount, SessionResolverSuccessCount,
};
use dcv_resolver_testkit::GatewayProtocol;

use crate::site::Site;

/// Opens a link and waits until the page says how it went.
async fn open(browser: &Browser, link: &str) -> String {
    // A link that differs only in its fragment would not load the page again.
    browser.open("about:blank").await;
    browser.open(link).await;
    let state = "document.getElementById('state').dataset.state";
    browser
        .wait_until(&format!("{state} != 'connecting'"))
        .await;
    browser.text_of("#state").await
}

/// Returns the server, the session and the user on the page.
async fn desktop(browser: &Browser) -> [String; 3] {
    [
        browser.text_of("#server").await,
        browser.text_of("#session").await,
        browser.text_of("#user").await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and the ready binary"]
async fn link_leads_to_its_desktop() {
    let mut site = Site::start().await;
    let browser = Browser::start_without_certificate_checks().await;

    assert_eq!(open(&browser, &site.link("/#ann")).await, "Connected");
    assert_eq!(desktop(&browser).await, ["ws-17", "console", "ann"]);
    browser.screenshot("flow-connected").await;
    // The browser keeps the fragment to itself; the script sends it.
    let page = site.link("/");
    let socket = page.replace("https:", "wss:") + "auth?sessionId=ann";
    assert_eq!(browser.take_requests().await, [page, socket]);
    // The session has no QUIC port.
    assert_eq!(site.count(SessionResolverSuccessCount), 1);
    let quic = GatewayProtocol::Quic;
    assert_eq!(site.gateway.count(SessionResolverNotFoundCount, quic), 1);

    browser
        .run("socket.onmessage = ({ data }) => { echo = data }; socket.send('hello')")
        .await;
    browser.wait_until("window.echo == 'hello'").await;

    assert_eq!(open(&browser, &site.link("/#cad")).await, "Connected");
    assert_eq!(desktop(&browser).await, ["ws-18", "cad", "bob"]);

    site.stop_linux();
    browser
        .wait_until("document.getElementById('state').dataset.state == 'closed'")
        .await;
    assert_eq!(browser.take_log().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and the ready binary"]
async fn unknown_session_is_a_404_of_the_gateway() {
    let site = Site::start().await;
    let browser = Browser::start_without_certificate_checks().await;
    let shown = open(&browser, &site.link("/#bob")).await;
    assert_eq!(
        shown,
        "404: the session resolver knows no session \"bob\" for HTTP"
    );
    browser.screenshot("flow-unknown-session").await;
    // What a user finds in the console of the browser.
    let log = browser.take_log().await.concat();
    assert!(log.contains("Unexpected response code: 404"), "{log}");
    assert_eq!(site.count(SessionResolverNotFoundCount), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and the ready binary"]
async fn id_in_the_query_never_reaches_the_resolver() {
    let site = Site::start().await;
    let browser = Browser::start_without_certificate_checks().await;
    let shown = open(&browser, &site.link("/?sessionId=ann")).await;
    assert!(
        shown.starts_with("404: the gateway got no valid session id"),
        "{shown}"
    );
    browser.screenshot("flow-id-in-the-query").await;
    let log = browser.take_log().await.concat();
    assert!(log.contains("Unexpected response code: 404"), "{log}");
    for metric in [SessionResolverSuccessCount, SessionResolverNotFoundCount] {
        assert_eq!(site.count(metric), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium, chromedriver and the ready binary"]
async fn resolver_that_is_down_is_not_an_unknown_session() {
    let mut site = Site::start().await;
    let browser = Browser::start_without_certificate_checks().await;
    site.stop_resolver();
    let shown = open(&browser, &site.link("/#ann")).await;
    assert!(
        shown.starts_with("502: the session resolver does not answer"),
        "{shown}"
    );
    assert_eq!(site.count(SessionResolverConnectionErrorCount), 1);
}
