//! A real collector in a process of its own, with a data folder that outlives its kills.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::workspace::{binary, eventually, free_port};

/// The admin token of collectors under test.
pub const ADMIN_TOKEN: &str = "a-token-for-tests-only-0123456789abcdef";
const READY: Duration = Duration::from_secs(30);

/// A collector under test. Dropping it kills it.
pub struct Collector {
    process: Child,
    /// Where it listens; stays the same across restarts.
    pub url: String,
    folder: TempDir,
    http: reqwest::Client,
}

impl Collector {
    /// Starts one that allows the site `demo` from `shop` (an origin) and has the policy `offers` (the text of an `offers.toml`).
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start(shop: &str, offers: &str) -> Result<Collector> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"data\"\n\n\
             [sites.demo]\norigins = [\"{shop}\"]\noffers = \"offers.toml\"\nallow_no_origin = true\n"
        );
        std::fs::write(folder.path().join("waver.toml"), config)?;
        std::fs::write(folder.path().join("offers.toml"), offers)?;
        let process = spawn(folder.path())?;
        let collector =
            Collector { process, url: format!("http://127.0.0.1:{port}"), folder, http: reqwest::Client::new() };
        collector.ready().await?;
        Ok(collector)
    }

    /// Ends the process as a power cut would: SIGKILL, no goodbye.
    ///
    /// # Errors
    /// When the process cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await.context("kill -9 of the collector")
    }

    /// Starts it again on the same data folder and address.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn restart(&mut self) -> Result<()> {
        self.process = spawn(self.folder.path())?;
        self.ready().await
    }

    async fn ready(&self) -> Result<()> {
        let ready = eventually("the collector to be ready", READY, || async {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await?;
            Ok(answer.status().is_success().then_some(()))
        });
        ready.await.with_context(|| format!("its output was:\n{}", self.output().unwrap_or_default()))
    }

    /// Everything it printed and logged so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn output(&self) -> Result<String> {
        Ok(std::fs::read_to_string(output_file(self.folder.path()))?)
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The JSON that an admin route answers.
    ///
    /// # Errors
    /// When the answer is not a success or not JSON.
    pub async fn admin(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(ADMIN_TOKEN);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// How many requests `route` has answered since the process started, whatever the answers were.
    ///
    /// # Errors
    /// When the metrics cannot be had.
    pub async fn requests(&self, route: &str) -> Result<u64> {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await?.error_for_status()?.text().await?;
        let label = format!("route=\"{route}\"");
        let counts = metrics
            .lines()
            .filter(|line| line.starts_with("waver_requests_total") && line.contains(&label))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(counts.sum::<f64>() as u64)
    }
}

fn spawn(folder: &Path) -> Result<Child> {
    let output = File::options().create(true).append(true).open(output_file(folder))?;
    Command::new(binary("waver")?)
        .args(["serve", "--config"])
        .arg(folder.join("waver.toml"))
        .current_dir(folder)
        .env("WAVER__ADMIN__TOKEN", ADMIN_TOKEN)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .context("starting the collector")
}

fn output_file(folder: &Path) -> PathBuf {
    folder.join("output.log")
}
