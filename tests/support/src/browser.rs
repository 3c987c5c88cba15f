//! [`Browser`]: a headless Chromium, driven over the WebDriver protocol.
//!
//! Tests that use it are ignored unless asked for, as `chromedriver` and
//! Chromium may be missing; `scripts/install-test-tools` installs both.

mod process;
mod session;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::target_dir::target_dir;
use process::DriverProcess;
use session::{DEADLINE, Session};

/// A key without a character, for [`Browser::press`].
pub mod key {
    /// Moves the focus to the next element.
    pub const TAB: &str = "\u{e004}";
    /// Activates a button or a link, submits a form.
    pub const ENTER: &str = "\u{e007}";
    /// Closes a dialog.
    pub const ESCAPE: &str = "\u{e00c}";
}

/// What a user has set for `prefers-color-scheme`.
#[derive(Debug, Clone, Copy)]
pub enum ColorScheme {
    /// Dark text on a light background.
    Light,
    /// Light text on a dark background.
    Dark,
}

/// A headless Chromium with a profile of its own; dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    session: Session,
    driver: DriverProcess,
}

impl Browser {
    /// Starts a browser that checks certificates as a user's does.
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// Starts a browser that accepts any certificate, for tests that are not
    /// about TLS.
    pub async fn start_without_certificate_checks() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(accepts_any_certificate: bool) -> Self {
        let driver = DriverProcess::start();
        let capabilities = json!({
            "browserName": "chrome",
            "acceptInsecureCerts": accepts_any_certificate,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": arguments(driver.profile()) },
        });
        let session = Session::create(driver.port(), &capabilities).await;
        let browser = Self { session, driver };
        // It starts with the page of a new tab, which requests files.
        browser.open("about:blank").await;
        browser.take_requests().await;
        browser
    }

    /// Returns the folder of its profile, which is removed when it ends.
    #[must_use]
    pub fn profile(&self) -> &Path {
        self.driver.profile()
    }

    /// Opens `url` and waits until the page has loaded.
    pub async fn open(&self, url: &str) {
        self.session.post("url", &json!({ "url": url })).await;
    }

    /// Runs the body of a function in the page, and returns what it returns; a
    /// promise is awaited.
    pub async fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.session.post("execute/sync", &body).await
    }

    /// Waits until an expression of the page is true.
    pub async fn wait_until(&self, condition: &str) {
        let script = format!("return Boolean({condition})");
        let started = Instant::now();
        while self.run(&script).await != true {
            if started.elapsed() > DEADLINE {
                let page = self.run("return document.documentElement.innerText").await;
                let log = self.take_log().await;
                panic!("in vain: {condition}\npage: {page}\nlog: {log:#?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the visible text of the first element that a CSS selector finds.
    pub async fn text_of(&self, selector: &str) -> String {
        let selector = Value::from(selector);
        let text = self
            .run(&format!(
                "return document.querySelector({selector}).innerText"
            ))
            .await;
        text.as_str().expect("an element has a text").to_owned()
    }

    /// Presses keys one after another: characters, and those of [`key`].
    pub async fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        let body = json!({ "actions": [keyboard] });
        self.session.post("actions", &body).await;
    }

    /// Sets the size of the page's viewport. A window cannot be as narrow as that
    /// of a phone.
    pub async fn set_viewport(&self, width_px: u32, height_px: u32) {
        let metrics = json!({
            "width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": false
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)
            .await;
    }

    /// Sets what `prefers-color-scheme` is.
    pub async fn set_color_scheme(&self, scheme: ColorScheme) {
        let value = match scheme {
            ColorScheme::Light => "light",
            ColorScheme::Dark => "dark",
        };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        )
        .await;
    }

    /// Saves what the viewport shows to `screenshots/NAME.png` in cargo's target folder, and
    /// returns its path.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let image = self.session.get("screenshot").await;
        let image = STANDARD.decode(image.as_str().unwrap()).unwrap();
        let folder = target_dir().join("screenshots");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        fs::write(&path, image).unwrap();
        path
    }

    /// Takes the lines of the console since the last call: what scripts log, and
    /// what the browser reports about the page, such as a refused connection.
    pub async fn take_log(&self) -> Vec<String> {
        let entries = self.take_entries("browser").await;
        let lines = entries
            .iter()
            .map(|entry| entry["message"].as_str().unwrap());
        lines.map(str::to_owned).collect()
    }

    /// Takes the URLs that the page has requested since the last call, of
    /// WebSockets as well.
    pub async fn take_requests(&self) -> Vec<String> {
        let entries = self.take_entries("performance").await;
        let urls = entries.iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let (method, params) = (&event["message"]["method"], &event["message"]["params"]);
            let url = match method.as_str()? {
                "Network.requestWillBeSent" => &params["request"]["url"],
                "Network.webSocketCreated" => &params["url"],
                _ => return None,
            };
            url.as_str().map(str::to_owned)
        });
        urls.collect()
    }

    async fn take_entries(&self, log: &str) -> Vec<Value> {
        let entries = self.session.post("se/log", &json!({ "type": log })).await;
        entries.as_array().unwrap().clone()
    }

    /// Sends a command of the Chrome DevTools protocol, for what WebDriver lacks.
    pub async fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.session.post("goog/cdp/execute", &body).await
    }
}

fn arguments(profile: &Path) -> Vec<String> {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // Containers have little shared memory.
        "--disable-dev-shm-usage".to_owned(),
        format!("--user-data-dir={}", profile.display()),
    ];
    // Its sandbox refuses to run as root.
    if process::is_root() {
        arguments.push("--no-sandbox".to_owned());
    }
    arguments
}
