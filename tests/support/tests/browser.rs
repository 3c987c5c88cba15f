//! The browser does what tests ask for, and ends with them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dcv_resolver_test_support::browser::{Browser, ColorScheme, key};
use dcv_resolver_test_support::client::DEADLINE;
use serde_json::json;
use tokio::time::{sleep, timeout};

const PAGE: &str = "data:text/html,<input autofocus><script>\
    addEventListener('keydown', event => { if (event.key == 'Enter') console.log('entered') })\
    </script>";

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn page_is_seen_and_operated_as_by_a_user() {
    let browser = Browser::start().await;
    browser.open(PAGE).await;
    assert_eq!(browser.take_requests().await, [PAGE]);

    browser.press("ann").await;
    browser.press(key::ENTER).await;
    let input = "document.querySelector('input').value";
    browser.wait_until(&format!("{input} == 'ann'")).await;
    let log = browser.take_log().await;
    assert!(log.len() == 1 && log[0].contains("entered"), "{log:?}");
    assert_eq!(browser.take_log().await, [""; 0]);

    browser.set_viewport(320, 480).await;
    let size = browser.run("return [innerWidth, innerHeight]").await;
    assert_eq!(size, json!([320, 480]));
    for (scheme, is_dark) in [(ColorScheme::Dark, true), (ColorScheme::Light, false)] {
        browser.set_color_scheme(scheme).await;
        let query = "return matchMedia('(prefers-color-scheme: dark)').matches";
        assert_eq!(browser.run(query).await, is_dark);
    }
    let image = fs::read(browser.screenshot("browser").await).unwrap();
    assert!(image.starts_with(b"\x89PNG"));
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn dropped_browser_ends() {
    let browser = Browser::start().await;
    let profile = browser.profile().to_owned();
    let lock = fs::read_link(profile.join("SingletonLock")).unwrap();
    let lock = lock.to_str().unwrap();
    let pid: u32 = lock.rsplit('-').next().unwrap().parse().unwrap();
    assert!(runs(pid));
    drop(browser);
    let ended = timeout(DEADLINE, async {
        while runs(pid) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    ended.await.expect("the browser outlives its test");
    assert!(!Path::new(&profile).exists());
}

/// A process that has ended may still wait for its parent.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
