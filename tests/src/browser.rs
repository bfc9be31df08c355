//! A real Chromium or Firefox, driven over WebDriver with trusted input, and Chromium's DevTools protocol for what WebDriver cannot see.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::workspace::{eventually, free_port};

const STARTED: Duration = Duration::from_secs(30);
/// How long a page may take to do what it must, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the browser says of itself: without it, that it has no screen, and then it counts as automation and is offered nothing.
pub(crate) const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
const FIREFOX_USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// The two kinds of browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Chromium by chromedriver.
    Chromium,
    /// Firefox by geckodriver.
    Firefox,
}

impl Engine {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Chromium => "Chromium",
            Engine::Firefox => "Firefox",
        }
    }

    fn driver(self) -> &'static str {
        match self {
            Engine::Chromium => "chromedriver",
            Engine::Firefox => "geckodriver",
        }
    }
}

/// A browser window under test. Dropping it ends driver and browser.
pub struct Browser {
    /// The WebDriver client, for what this type does not wrap.
    pub client: Client,
    /// What kind it is.
    pub engine: Engine,
    driver: Child,
    profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A driver that is killed, as when a test fails, leaves its browser behind; the profile's path names that browser alone.
        let profile = match self.engine {
            Engine::Chromium => format!("--user-data-dir={}", self.profile.path().display()),
            Engine::Firefox => format!("-profile {}", self.profile.path().display()),
        };
        let _ = std::process::Command::new("pkill").args(["-KILL", "-f", "--", &profile]).status();
    }
}

impl Browser {
    /// Opens a window of that size in CSS pixels with an empty profile.
    ///
    /// # Errors
    /// When chromedriver or Chromium is missing, with what to do about it.
    pub async fn open(width: u32, height: u32) -> Result<Browser> {
        Browser::open_with(width, height, &[]).await
    }

    /// Opens one whose Global Privacy Control is on from the start.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn open_with_privacy_control(width: u32, height: u32) -> Result<Browser> {
        Browser::open_with(width, height, &["--enable-features=GlobalPrivacyControlForce"]).await
    }

    async fn open_with(width: u32, height: u32, further: &[&str]) -> Result<Browser> {
        let profile = tempfile::tempdir()?;
        let mut arguments = vec![
            "--headless=new".to_owned(),
            format!("--user-agent={USER_AGENT}"),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        arguments.extend(further.iter().map(|&argument| argument.to_owned()));
        let capabilities = serde_json::from_value(json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }))?;
        Browser::connect(Engine::Chromium, profile, &[], capabilities).await
    }

    /// Opens one of that kind whose Global Privacy Control a test can turn on and off by [`Browser::set_privacy_control`].
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn open_of(engine: Engine, width: u32, height: u32) -> Result<Browser> {
        if engine == Engine::Chromium {
            return Browser::open_with(width, height, &["--enable-features=GlobalPrivacyControlTest"]).await;
        }
        let profile = tempfile::tempdir()?;
        let capabilities = serde_json::from_value(json!({
            "moz:firefoxOptions": {
                "args": [
                    "-headless", "-profile", profile.path(), format!("--width={width}"), format!("--height={height}"),
                ],
                "prefs": {
                    "general.useragent.override": FIREFOX_USER_AGENT,
                    "privacy.globalprivacycontrol.functionality.enabled": true,
                    // What a browser does by itself would stand among what pages do.
                    "app.update.enabled": false,
                    "browser.safebrowsing.enabled": false,
                    "datareporting.policy.dataSubmissionEnabled": false,
                    "network.captive-portal-service.enabled": false,
                    "network.connectivity-service.enabled": false,
                    // What a page opens, a page may close.
                    "dom.allow_scripts_to_close_windows": true,
                    "dom.disable_open_during_load": false,
                },
            },
        }))?;
        // Preferences of a running Firefox are changed by its own scripts, which has to be allowed.
        Browser::connect(engine, profile, &["--allow-system-access"], capabilities).await
    }

    async fn connect(
        engine: Engine,
        profile: TempDir,
        options: &[&str],
        capabilities: Capabilities,
    ) -> Result<Browser> {
        let port = free_port()?;
        let mut command = Command::new(engine.driver());
        command.arg(format!("--port={port}")).args(options);
        if engine == Engine::Firefox {
            command.arg(format!("--websocket-port={}", free_port()?));
        }
        let driver = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}; `cargo xtask setup --for test` installs it", engine.driver()))?;
        let address = format!("http://127.0.0.1:{port}");
        let client = eventually("a browser session", STARTED, || {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone());
            let address = address.clone();
            async move { Ok(Some(builder.connect(&address).await?)) }
        })
        .await
        .with_context(|| format!("is {} installed? `cargo xtask setup --for test` installs it", engine.name()))?;
        Ok(Browser { client, engine, driver, profile })
    }

    /// Turns Global Privacy Control on or off, as the browser's user does in its settings. Pages that are open see it at once.
    ///
    /// # Errors
    /// When the browser has no such setting; in Chromium, when it was not opened by [`Browser::open_of`].
    pub async fn set_privacy_control(&self, on: bool) -> Result<()> {
        match self.engine {
            Engine::Chromium => {
                self.client.issue_cmd(PrivacyControl(on)).await.context("setting Global Privacy Control")?;
            }
            Engine::Firefox => {
                self.client.issue_cmd(ScriptContext("chrome")).await.context("the browser's own scripts")?;
                let set = "Services.prefs.setBoolPref('privacy.globalprivacycontrol.enabled', arguments[0]);";
                let done = self.client.execute(set, vec![on.into()]).await;
                self.client.issue_cmd(ScriptContext("content")).await?;
                done.context("setting the preference")?;
            }
        }
        Ok(())
    }

    /// Its name and version, as it says them itself.
    ///
    /// # Errors
    /// When the driver does not say them.
    pub async fn version(&self) -> Result<String> {
        let said = self.client.capabilities();
        let version = said.and_then(|said| said.get("browserVersion")).and_then(Value::as_str);
        Ok(format!("{} {}", self.engine.name(), version.context("the driver does not say the browser's version")?))
    }

    /// Opens an address and waits until the page has loaded.
    ///
    /// # Errors
    /// When the page cannot be loaded.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.client.goto(url).await.with_context(|| format!("opening {url}"))
    }

    /// The first element that a CSS selector finds, once there is one.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn find(&self, selector: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        wait.with_context(|| format!("waiting for {selector}"))
    }

    /// The visible text of the first element that a CSS selector finds.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn text(&self, selector: &str) -> Result<String> {
        Ok(self.find(selector).await?.text().await?)
    }

    /// Moves the mouse to the element over a fifth of a second, and clicks.
    ///
    /// # Errors
    /// When there is no such element in time or it cannot be clicked.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let element = self.at_rest(selector).await?;
        let actions = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveToElement { element, duration: Some(Duration::from_millis(200)), x: 0.0, y: 0.0 })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(actions).await.with_context(|| format!("clicking {selector}"))
    }

    /// The element in the middle of the window, once it no longer moves: dialogs slide in, and a click where one was just now hits nothing.
    async fn at_rest(&self, selector: &str) -> Result<Element> {
        let element = self.find(selector).await?;
        const REST: &str = "
            const [element, done] = [arguments[0], arguments[arguments.length - 1]];
            element.scrollIntoView({ block: 'center', behavior: 'instant' });
            const resting = () => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
                && document.getAnimations().every((animation) => animation.playState !== 'running');
            let [last, still] = ['', 0];
            const look = () => {
                const { x, y, width, height } = element.getBoundingClientRect();
                const now = [x, y, width, height].join();
                still = now === last && resting() ? still + 1 : 0;
                last = now;
                still > 2 ? done(true) : requestAnimationFrame(look);
            };
            look();";
        let waited = self.client.execute_async(REST, vec![serde_json::to_value(&element)?]).await;
        waited.with_context(|| format!("waiting for {selector} to come to rest"))?;
        Ok(element)
    }

    /// Moves the mouse to and fro over the element for about `duration`, as someone does who cannot decide, and does not click.
    ///
    /// # Errors
    /// When there is no such element in time.
    pub async fn dither(&self, selector: &str, duration: Duration) -> Result<()> {
        let element = self.at_rest(selector).await?;
        let stroke = Duration::from_millis(160);
        let strokes = (duration.as_millis() / stroke.as_millis()) as u32;
        let mut actions = MouseActions::new("mouse".to_owned());
        for stroke_number in 0..strokes {
            let (x, y) = [(-24.0, -4.0), (18.0, 5.0), (-9.0, 3.0), (27.0, -6.0)][stroke_number as usize % 4];
            actions =
                actions.then(PointerAction::MoveToElement { element: element.clone(), duration: Some(stroke), x, y });
        }
        self.client.perform_actions(actions).await.with_context(|| format!("dithering over {selector}"))
    }

    /// Waits for what a promise of the page comes to. `script` is the body of an asynchronous function.
    ///
    /// # Errors
    /// When it is rejected, with why.
    pub async fn promised(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        let whole = format!(
            "const done = arguments[arguments.length - 1]; \
             (async (...given) => {{ {script} }})(...[...arguments].slice(0, -1)) \
             .then((value) => done({{ value }}), (error) => done({{ error: `${{error}}` }}));"
        );
        let mut answer =
            self.client.execute_async(&whole, arguments).await.with_context(|| format!("running {script}"))?;
        if let Some(error) = answer["error"].as_str() {
            anyhow::bail!("{error}, running {script}");
        }
        Ok(answer["value"].take())
    }

    /// Runs a script in the page and gives back what it returns.
    ///
    /// # Errors
    /// When the script throws.
    pub async fn execute(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        self.client.execute(script, arguments).await.with_context(|| format!("running {script}"))
    }

    /// Waits until `script` returns something truthy, and gives that back.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn until(&self, what: &str, script: &str) -> Result<Value> {
        eventually(what, PATIENCE, || async {
            let value = self.execute(script, vec![]).await?;
            let truthy = !matches!(&value, Value::Null | Value::Bool(false)) && value != json!("") && value != json!(0);
            Ok(truthy.then_some(value))
        })
        .await
    }

    /// A command of the DevTools protocol.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn devtools(&self, command: &'static str, parameters: Value) -> Result<Value> {
        self.client.issue_cmd(DevTools { command, parameters }).await.with_context(|| format!("DevTools {command}"))
    }

    /// What the page's console says of errors since this was last asked: exceptions, refused requests, breaches of its content security policy.
    ///
    /// # Errors
    /// When the log cannot be had.
    pub async fn console_errors(&self) -> Result<Vec<String>> {
        let entries = self.client.issue_cmd(BrowserLog).await?;
        let severe = entries.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        Ok(severe.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect())
    }

    /// Everything that the origin of the current page keeps in this browser: `kind:name` of each cookie, key, database and cache.
    ///
    /// # Errors
    /// When the page cannot be asked.
    pub async fn stored(&self) -> Result<Vec<String>> {
        const LIST: &str = "
            const done = arguments[arguments.length - 1];
            (async () => [
                ...Object.keys(localStorage).map((key) => 'localStorage:' + key),
                ...Object.keys(sessionStorage).map((key) => 'sessionStorage:' + key),
                ...(await indexedDB.databases()).map((database) => 'indexedDB:' + database.name),
                ...(window.caches ? await caches.keys() : []).map((name) => 'cache:' + name),
                ...(window.name ? ['window.name:' + window.name] : []),
                ...(history.state ? ['history.state:' + JSON.stringify(history.state)] : []),
            ])().then(done)";
        let found = self.client.execute_async(LIST, vec![]).await?;
        let mut stored: Vec<String> = serde_json::from_value(found)?;
        let cookies = self.devtools("Network.getAllCookies", json!({})).await?;
        let names = cookies["cookies"].as_array().into_iter().flatten().filter_map(|cookie| cookie["name"].as_str());
        stored.extend(names.map(|name| format!("cookie:{name}")));
        Ok(stored)
    }

    async fn screenshot(&self, name: &str) -> Result<()> {
        let folder = crate::workspace::root().join("target/screenshots");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await?)?;
        Ok(())
    }

    /// Saves pictures of the page as a desktop and as a phone shows it, `NAME-1280` and `NAME-390`, under `target/screenshots/`.
    ///
    /// # Errors
    /// When a picture cannot be taken or written.
    pub async fn screenshots(&self, name: &str) -> Result<()> {
        for (width, height, mobile) in [(390, 844, true), (1280, 900, false)] {
            let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
            self.devtools("Emulation.setDeviceMetricsOverride", screen).await?;
            // Pages lay themselves out anew in the frames after a change of size.
            const LAID_OUT: &str = "
                const done = arguments[arguments.length - 1];
                const after = (frames) => frames ? requestAnimationFrame(() => after(frames - 1)) : done(true);
                after(6);";
            self.client.execute_async(LAID_OUT, vec![]).await?;
            self.screenshot(&format!("{name}-{width}")).await?;
        }
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await?;
        Ok(())
    }

    /// Closes the window and ends the driver.
    ///
    /// # Errors
    /// When the browser does not answer any more.
    pub async fn close(mut self) -> Result<()> {
        self.client.clone().close().await?;
        self.driver.kill().await.context("ending the driver")
    }
}

#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}

/// The extension of WebDriver that the specification of Global Privacy Control has.
#[derive(Debug)]
struct PrivacyControl(bool);

impl WebDriverCompatibleCommand for PrivacyControl {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/privacy", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "gpc": self.0 }).to_string()))
    }
}

/// Whose scripts Firefox runs next: its own (`chrome`) or the page's (`content`).
#[derive(Debug)]
struct ScriptContext(&'static str);

impl WebDriverCompatibleCommand for ScriptContext {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/moz/context", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "context": self.0 }).to_string()))
    }
}

#[derive(Debug)]
struct BrowserLog;

impl WebDriverCompatibleCommand for BrowserLog {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
