//! Text that attackers choose: ids, hosts, owners.

use dcv_resolver_core::escape::escaped;
use dcv_resolver_test_support::browser::Browser;

use crate::fixture::{HOSTILE, Served, longest};

/// Returns the text of every row.
async fn ids(browser: &Browser, rows: &str) -> Vec<String> {
    let script =
        format!("return [...document.querySelectorAll('#{rows} .pick')].map(it => it.textContent)");
    let ids = browser.run(&script).await;
    ids.as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

async fn explain(browser: &Browser, rows: &str, id: &str) {
    let id = serde_json::Value::from(id);
    browser
        .run(&format!(
            "[...document.querySelectorAll('#{rows} .pick')].find(it => it.textContent === {id}).click()"
        ))
        .await;
    browser
        .wait_until(&format!(
            "document.querySelector('.asked')?.textContent === {id}"
        ))
        .await;
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn text_of_others_is_escaped_and_runs_nothing() {
    let served = Served::with_sessions(20);
    served.ask_for_all().await;
    let browser = served.open().await;
    let mut hostile: Vec<_> = HOSTILE.map(str::to_owned).into();
    hostile.extend(['W', '\u{202e}', '\\', '"'].map(longest));
    for id in [longest('\\'), longest('"')] {
        served.ask(&id, "").await;
    }
    let last = serde_json::Value::from(longest('"'));
    let is_shown = format!(
        "[...document.querySelectorAll('#decision-rows .pick')].some(it => it.textContent === {last})"
    );
    browser.wait_until(&is_shown).await;

    let shown = ids(&browser, "decision-rows").await;
    for id in &hostile {
        let expected = escaped(id, usize::MAX);
        assert!(
            shown.iter().any(|it| *it == expected),
            "{expected}: {shown:#?}"
        );
        explain(&browser, "decision-rows", &expected).await;
    }
    browser
        .run("document.getElementById('sessions-tab').click()")
        .await;
    browser
        .wait_until("document.querySelector('#session-rows tr')")
        .await;
    for id in HOSTILE {
        explain(&browser, "session-rows", &escaped(id, usize::MAX)).await;
    }

    assert_eq!(browser.run("return typeof ran").await, "undefined");
    let made = "return document.querySelectorAll('main script, main img, main svg').length";
    assert_eq!(browser.run(made).await, 0);
    for url in browser.take_requests().await {
        assert!(url.starts_with(&served.url()), "{url}");
    }
    assert_eq!(browser.take_log().await, [""; 0]);
}

/// `Default_Ignorable_Code_Point`, and the empty Braille pattern.
#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn letters_that_are_shown_as_nothing_are_escaped() {
    let served = Served::with_sessions(0);
    let id = "a\u{3164}b\u{2800}c\u{115f}\u{1160}\u{ffa0}";
    served.ask(id, "").await;
    let browser = served.open().await;
    let shown = ids(&browser, "decision-rows").await;
    assert_eq!(shown, [escaped(id, usize::MAX)]);
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver"]
async fn browser_refuses_markup_and_requests_to_others() {
    let served = Served::with_sessions(0);
    let elsewhere = Served::with_sessions(0);
    let browser = served.open().await;
    let attempt = |code: String| {
        format!("try {{ {code}; return 'done' }} catch (error) {{ return error.name }}")
    };
    for code in [
        "document.body.innerHTML = '<b>bold</b>'".to_owned(),
        "new DOMParser().parseFromString('<b>', 'text/html')".to_owned(),
        // Without CSP, this one succeeds, as any page may send it.
        format!(
            "await fetch('{}livez', {{ mode: 'no-cors' }})",
            elsewhere.url()
        ),
    ] {
        let script = format!("return (async () => {{ {} }})()", attempt(code.clone()));
        assert_eq!(browser.run(&script).await, "TypeError", "{code}");
    }
    let script = "const it = document.createElement('script'); it.append('globalThis.ran = 1'); document.body.append(it); return typeof ran";
    let script = format!("try {{ {script} }} catch (error) {{ return 'undefined' }}");
    assert_eq!(browser.run(&script).await, "undefined");
}
