//! What the page looks like: pictures for people, in `target/screenshots`.

use dcv_resolver_test_support::browser::{Browser, ColorScheme};

use crate::fixture::Served;

const DESKTOP: (u32, u32) = (1360, 900);
const TELEPHONE: (u32, u32) = (390, 844);

async fn pick(browser: &Browser, id: &str) {
    let script = format!(
        "[...document.querySelectorAll('.pick')].find(it => it.textContent === {id:?}).click()"
    );
    browser.run(&script).await;
    browser
        .wait_until("document.querySelector('#explanation .path')")
        .await;
}

/// Nothing is wider than the window.
async fn assert_fits(browser: &Browser, name: &str) {
    let width = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run(width).await, true, "{name} scrolls sideways");
}

async fn show(browser: &Browser, device: &str, tab: &str, name: &str) {
    let tab = format!("document.getElementById('{tab}').click(); scrollTo(0, 0)");
    browser.run(&tab).await;
    if device == "telephone" {
        browser
            .run("document.getElementById('lists').scrollIntoView()")
            .await;
    }
    assert_fits(browser, name).await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn page_fits_desktop_and_telephone() {
    for count in [0, 3, 10_000] {
        let served = Served::with_sessions(count);
        if count > 0 {
            served.ask_for_all().await;
        }
        let browser = served.open().await;
        for (device, (width, height)) in [("desktop", DESKTOP), ("telephone", TELEPHONE)] {
            for scheme in [ColorScheme::Light, ColorScheme::Dark] {
                browser.set_viewport(width, height).await;
                browser.set_color_scheme(scheme).await;
                let name = |what| {
                    let scheme = format!("{scheme:?}").to_lowercase();
                    format!("page-{count}-{device}-{scheme}-{what}")
                };
                browser.run("scrollTo(0, 0)").await;
                browser.screenshot(&name("top")).await;
                show(&browser, device, "decisions-tab", &name("decisions")).await;
                browser.screenshot(&name("decisions")).await;
                if count > 0 {
                    for (id, what) in [("Console", "unknown"), ("ann's workstation", "explained")] {
                        pick(&browser, id).await;
                        assert_fits(&browser, &name(what)).await;
                        browser.screenshot(&name(what)).await;
                    }
                    browser
                        .run("document.getElementById('close').click()")
                        .await;
                }
                show(&browser, device, "sessions-tab", &name("sessions")).await;
                browser
                    .wait_until(
                        "!document.getElementById('sessions-count').textContent.includes('…')",
                    )
                    .await;
                browser.screenshot(&name("sessions")).await;
            }
        }
    }
}
