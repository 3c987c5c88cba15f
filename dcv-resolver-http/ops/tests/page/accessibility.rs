//! What axe-core finds, which `scripts/axe-core` installs.

use std::fs;

use dcv_resolver_test_support::browser::{Browser, ColorScheme};
use dcv_resolver_test_support::target_dir::target_dir;
use serde_json::Value;

use crate::fixture::Served;
use crate::token::Bearer;

/// Fails with the rules that the page breaks, of any severity.
async fn assert_accessible(browser: &Browser, state: &str) {
    for (width, height) in [(1360, 900), (390, 844)] {
        for scheme in [ColorScheme::Light, ColorScheme::Dark] {
            browser.set_viewport(width, height).await;
            browser.set_color_scheme(scheme).await;
            let found = browser
                .run("return axe.run().then(it => it.violations.map(it => [it.impact, it.id, it.nodes.map(it => it.html + ' ' + it.failureSummary)]))")
                .await;
            assert_eq!(
                found,
                Value::Array(Vec::new()),
                "{state} {width} {scheme:?}"
            );
        }
    }
}

#[tokio::test]
#[ignore = "needs chromium, chromedriver and axe-core"]
async fn axe_finds_nothing() {
    let axe = fs::read_to_string(target_dir().join("axe.min.js"))
        .expect("axe-core is missing: run scripts/axe-core");
    let served = Served::with_sessions(3);
    served.ask_for_all().await;
    let browser = served.open().await;
    browser.run(&axe).await;
    // Colors in the middle of an animation are no contrast.
    browser
        .run("for (const row of document.querySelectorAll('tr')) row.className = ''; document.getElementById('pause').click()")
        .await;
    assert_accessible(&browser, "decisions").await;
    for id in [
        "ann's workstation",
        "ws-1-expired",
        "Console",
        "no session id",
    ] {
        let script = format!(
            "[...document.querySelectorAll('.pick')].find(it => it.textContent === {id:?}).click()"
        );
        browser.run(&script).await;
        browser
            .wait_until(
                "!document.getElementById('explanation-body').textContent.startsWith('Asking')",
            )
            .await;
        assert_accessible(&browser, id).await;
    }
    browser
        .run("document.getElementById('close').click(); document.getElementById('sessions-tab').click()")
        .await;
    browser
        .wait_until("document.querySelector('#session-rows tr')")
        .await;
    assert_accessible(&browser, "sessions").await;

    let guarded = Served::start(0, Bearer);
    browser.open(&guarded.url()).await;
    browser
        .wait_until("!document.getElementById('token-form').hidden")
        .await;
    browser.run(&axe).await;
    assert_accessible(&browser, "token").await;
}
