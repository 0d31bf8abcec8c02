//! Chromium behind its own WebDriver, both found on this machine and ended after each test.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

const HOW_TO_INSTALL: &str = "install Chromium and its driver: `cargo xtask setup`, or `apt-get install chromium chromium-driver`";

const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
];

/// A browser with a profile of its own.
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    profile: TempDir,
}

impl Browser {
    pub(crate) async fn start(javascript: bool) -> Self {
        let chromium = find("chromium");
        let mut driver = Command::new(find("chromedriver"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let port = port(&mut driver).await;
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.map(String::from).into();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let scripts = if javascript { 1 } else { 2 };
        let capabilities = json!({
            "goog:chromeOptions": {
                "binary": chromium,
                "args": arguments,
                "prefs": { "profile.managed_default_content_settings.javascript": scripts },
            },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { panic!("an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { client, driver, profile }
    }

    pub(crate) async fn stop(mut self) {
        self.client.close().await.unwrap();
        self.driver.kill().await.unwrap();
        self.profile.close().unwrap();
    }
}

impl Browser {
    /// Sets the width of the window, as a phone or a desk has it.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Asks for dark pages, or light ones.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// Writes the whole page, as long as it is, to `target/e2e/NAME.png`.
    pub(crate) async fn picture(&self, name: &str) {
        let wanted = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.devtools("Page.captureScreenshot", wanted).await;
        let png = STANDARD.decode(picture.get("data").and_then(Value::as_str).unwrap()).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/e2e");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// What the browser has complained about since the last call.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let command = Raw { path: "se/log", body: json!({ "type": "browser" }) };
        let log = self.client.issue_cmd(command).await.unwrap();
        let entries = log.as_array().unwrap().iter();
        entries.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Raw { path: "goog/cdp/execute", body }).await.unwrap()
    }
}

/// A command that is of Chromium's driver alone.
#[derive(Debug)]
struct Raw {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(program));
    let found = found.find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("`{program}` is missing: {HOW_TO_INSTALL}"))
}

/// The port that the driver has chosen, which it says once it listens.
async fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let port = line.strip_prefix("ChromeDriver was started successfully on port ");
        if let Some(port) = port {
            return port.trim_end_matches('.').parse().unwrap();
        }
    }
    panic!("the driver ended before it listened");
}
