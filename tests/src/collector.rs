//! A real collector in a process of its own, with a data folder that outlives its kills.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::caller::Caller;
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
    settings: Vec<(String, String)>,
    file_kib: Option<u64>,
}

/// How a process ended before it was ready.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed and logged since it was started.
    pub output: String,
}

impl Collector {
    /// Starts one that allows the site `demo` from `shop` (an origin) and has the policy `offers` (the text of an `offers.toml`).
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start(shop: &str, offers: &str) -> Result<Collector> {
        Collector::start_with(shop, offers, &[]).await
    }

    /// The same with variables of the environment over the configuration, such as `WAVER__LIMITS__QUEUE`.
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start_with(shop: &str, offers: &str, settings: &[(&str, &str)]) -> Result<Collector> {
        Collector::start_for(&[shop.to_owned()], offers, settings).await
    }

    /// The same for pages of several origins.
    ///
    /// # Errors
    /// When it cannot be built or does not become ready.
    pub async fn start_for(origins: &[String], offers: &str, settings: &[(&str, &str)]) -> Result<Collector> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        // Tests look at single sessions, so nothing is suppressed.
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"data\"\n\n[release]\nk = 0\n\n\
             [sites.demo]\norigins = {origins:?}\noffers = \"offers.toml\"\nallow_no_origin = true\n"
        );
        std::fs::write(folder.path().join("waver.toml"), config)?;
        std::fs::write(folder.path().join("offers.toml"), offers)?;
        let settings: Vec<_> = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let process = spawn(folder.path(), &settings, None)?;
        let (url, http) = (format!("http://127.0.0.1:{port}"), reqwest::Client::new());
        let collector = Collector { process, url, folder, http, settings, file_kib: None };
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

    /// Asks it to end, as a service manager does, and gives its exit code.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn terminate(&mut self) -> Result<Option<i32>> {
        let id = self.process.id().context("it has ended already")?;
        std::process::Command::new("kill").args(["-TERM", &id.to_string()]).status()?;
        let ended = tokio::time::timeout(READY, self.process.wait()).await.context("it does not end")?;
        Ok(ended?.code())
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// From the next start on no file that it writes may grow beyond `kib`: what a full disk does to it, without filling a disk.
    pub fn limit_files(&mut self, kib: Option<u64>) {
        self.file_kib = kib;
    }

    /// Starts it again on the same data folder and address.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn restart(&mut self) -> Result<()> {
        self.launch()?;
        self.ready().await
    }

    /// Starts it again and does not wait.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn launch(&mut self) -> Result<()> {
        self.process = spawn(self.folder.path(), &self.settings, self.file_kib)?;
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready in time.
    pub async fn ready(&self) -> Result<()> {
        let ready = eventually("the collector to be ready", READY, || async {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await?;
            Ok(answer.status().is_success().then_some(()))
        });
        ready.await.with_context(|| format!("its output was:\n{}", self.output().unwrap_or_default()))
    }

    /// Starts it again and waits until it is ready, or has ended by itself and says why.
    ///
    /// # Errors
    /// When neither happens in time.
    pub async fn try_restart(&mut self) -> Result<Option<Ended>> {
        let before = self.output().unwrap_or_default().len();
        self.launch()?;
        let deadline = tokio::time::Instant::now() + READY;
        loop {
            if let Some(status) = self.process.try_wait()? {
                let output = self.output()?.split_off(before);
                return Ok(Some(Ended { code: status.code(), output }));
            }
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(None);
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "it neither gets ready nor ends");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Runs another command of the program on the same configuration to its end, such as `replay`.
    ///
    /// # Errors
    /// When there is no such program.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = Command::new(binary("waver")?);
        command.args(arguments).arg("--config").arg(self.folder.path().join("waver.toml"));
        command.envs(self.settings.iter().map(|(name, value)| (name, value))).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await?;
        let told = [output.stdout, output.stderr].concat();
        Ok(Ended { code: output.status.code(), output: String::from_utf8_lossy(&told).into_owned() })
    }

    /// Sends requests to it, as a browser would.
    ///
    /// # Errors
    /// When the system has no sockets to offer.
    pub fn caller(&self) -> Result<Caller> {
        Caller::new(&self.url)
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
        self.counted(&[format!("route=\"{route}\"")]).await
    }

    /// How many of them it answered with that status.
    ///
    /// # Errors
    /// When the metrics cannot be had.
    pub async fn answers(&self, route: &str, status: u16) -> Result<u64> {
        self.counted(&[format!("route=\"{route}\""), format!("status=\"{status}\"")]).await
    }

    async fn counted(&self, labels: &[String]) -> Result<u64> {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await?.error_for_status()?.text().await?;
        let counts = metrics
            .lines()
            .filter(|line| line.starts_with("waver_requests_total") && labels.iter().all(|label| line.contains(label)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(counts.sum::<f64>() as u64)
    }
}

fn spawn(folder: &Path, settings: &[(String, String)], file_kib: Option<u64>) -> Result<Child> {
    let output = File::options().create(true).append(true).open(output_file(folder))?;
    let program = binary("waver")?;
    let mut command = match file_kib {
        None => Command::new(program),
        // The shell becomes the collector, so that its process id is the collector's. Without the trap a signal would end it, which no full
        // disk does.
        Some(kib) => {
            let mut shell = Command::new("bash");
            shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "bash", &kib.to_string()]);
            shell.arg(program);
            shell
        }
    };
    command
        .args(["serve", "--config"])
        .arg(folder.join("waver.toml"))
        .current_dir(folder)
        .env("WAVER__ADMIN__TOKEN", ADMIN_TOKEN)
        .envs(settings.iter().map(|(name, value)| (name, value)))
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
