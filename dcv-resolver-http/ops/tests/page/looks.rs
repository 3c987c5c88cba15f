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

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn page_fits_desktop_and_telephone() {
    for count in [0, 3, 10_000] {
        let served = Served::with_sessions(count).await;
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
                browser
                    .run("document.getElementById('decisions-tab').click(); scrollTo(0, 0)")
                    .await;
                assert_fits(&browser, &name("decisions")).await;
                browser.screenshot(&name("decisions")).await;
                if count > 0 {
                    pick(&browser, "Console").await;
                    assert_fits(&browser, &name("unknown")).await;
                    browser.screenshot(&name("unknown")).await;
                    pick(&browser, "ann's workstation").await;
                    assert_fits(&browser, &name("explained")).await;
                    browser.screenshot(&name("explained")).await;
                    browser
                        .run("document.getElementById('close').click()")
                        .await;
                }
                browser
                    .run("document.getElementById('sessions-tab').click(); scrollTo(0, 0)")
                    .await;
                browser
                    .wait_until(
                        "document.getElementById('sessions-count').textContent.includes('page')",
                    )
                    .await;
                assert_fits(&browser, &name("sessions")).await;
                browser.screenshot(&name("sessions")).await;
            }
        }
    }
}
