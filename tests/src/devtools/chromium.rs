use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::socket::{Socket, answered};
use super::tab::{Screen, Tab};
use crate::browser::USER_AGENT;
use crate::workspace::eventually;

const STARTED: Duration = Duration::from_secs(30);

/// A Chromium under test. Dropping it ends it.
pub struct Chromium {
    socket: Arc<Socket>,
    process: Child,
    profile: TempDir,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its processes belong to no driver; the profile's path names this browser alone.
        let _ = self.process.start_kill();
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let _ = std::process::Command::new("pkill").args(["-KILL", "-f", "--", &profile]).status();
    }
}

impl Chromium {
    /// Starts one with an empty profile.
    ///
    /// # Errors
    /// When it is missing or does not come up.
    pub async fn start() -> Result<Chromium> {
        let profile = tempfile::tempdir()?;
        let process = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"])
            // Else each window has three pages more, of the address bar's own.
            .arg("--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup")
            // 0 is a free one, which it writes into its profile.
            .args(["--remote-debugging-port=0", "--window-size=1280,900"])
            .arg(format!("--user-agent={USER_AGENT}"))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting chromium; `cargo xtask setup --for test` installs it")?;
        let told = profile.path().join("DevToolsActivePort");
        let address = eventually("Chromium's port", STARTED, || async {
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            let mut lines = text.lines();
            Ok(lines.next().zip(lines.next()).map(|(port, path)| format!("ws://127.0.0.1:{port}{path}")))
        })
        .await?;
        Ok(Chromium { socket: Socket::connect(&address).await?, process, profile })
    }

    /// A window of its own, in a context that shares nothing with other windows: cookies, storage, cache. It is visible, as every window here is.
    ///
    /// # Errors
    /// When the browser refuses it.
    pub async fn tab(&self, screen: Screen) -> Result<Tab> {
        let context = self.command("Target.createBrowserContext", json!({ "disposeOnDetach": true })).await?;
        let context = context["browserContextId"].as_str().context("a context has an id")?;
        Tab::open(Arc::clone(&self.socket), context, screen).await
    }

    /// A command to the browser itself.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn command(&self, method: &str, parameters: Value) -> Result<Value> {
        answered(method, self.socket.give("", method, &parameters)).await
    }

    /// The events of the browser itself from now on.
    pub fn events(&self) -> mpsc::UnboundedReceiver<Value> {
        self.socket.events("")
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(mut self) -> Result<()> {
        // It may be gone before it answers.
        let _ = self.command("Browser.close", json!({})).await;
        self.process.wait().await.context("waiting for the browser's end").map(drop)
    }
}
