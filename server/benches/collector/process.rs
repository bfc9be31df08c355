//! The collector as its users run it: the release binary in a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// One offer, as most shops begin.
const OFFERS: &str = r#"
[policy]
holdout = 0.1
kill_switch = false
default_locale = "en"

[[offer]]
id = "ten-percent"
slots = ["product", "cart"]
kind = "percent"
value = 10
priority = 1
per_session = 1
cooldown = "10m"
expires_after = "30m"
when = "hesitation.cta_hover >= 0.5 && session.purchases == 0"

[offer.text.en]
text = "10 % off this order"
disclosure = "This offer was personalised for you by automated decision-making."
accept = "Take 10 % off"
dismiss = "No, thanks"
"#;

/// Nobody signs in; without it the collector would warn of that.
const ADMIN_TOKEN: &str = "a-token-for-benches-only-0123456789abcdef";
/// Ticks of a process's times per second: `getconf CLK_TCK`, 100 on every Linux that this is built for.
const TICKS_PER_SECOND: f64 = 100.0;
/// A process that has neither spoken nor ended by then does not come any more.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A folder with configuration and data, on which a process is started again and again. The folder goes away when this is dropped.
pub(crate) struct House {
    folder: tempfile::TempDir,
}

impl House {
    /// A collector without limits of rate, with room for so many sessions and with so much time between two snapshots. It has patience, so
    /// that a busy machine makes a run slow and does not end it.
    pub(crate) fn build(parent: &Path, sessions: u64, snapshot_every: &str) -> Result<House> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?;
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"data\"\n\n[log]\nlevel = \"warn\"\n\n\
             [limits]\nsessions = {sessions}\nrequest_timeout = \"60s\"\n\n\
             [limits.rate]\nsite_requests = \"0/s\"\nsite_sessions = \"0/s\"\nsource_requests = \"0/s\"\nsource_sessions = \"0/s\"\n\n\
             [retention]\nsnapshot_every = \"{snapshot_every}\"\n\n\
             [release]\nk = 0\n\n\
             [sites.demo]\norigins = [\"http://127.0.0.1:8080\"]\noffers = \"offers.toml\"\nallow_no_origin = true\n"
        );
        fs::write(folder.path().join("waver.toml"), config)?;
        fs::write(folder.path().join("offers.toml"), OFFERS)?;
        Ok(House { folder })
    }

    /// Starts the collector; gives it and the time from exec to the line that says it listens.
    pub(crate) async fn start(&self) -> Result<(Process, Duration)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waver"));
        command.args(["serve", "--config"]).arg(self.folder.path().join("waver.toml"));
        command.env("WAVER__ADMIN__TOKEN", ADMIN_TOKEN);
        Process::start(command).await
    }

    /// Bytes that the data folder takes on the disk.
    pub(crate) fn data_bytes(&self) -> Result<u64> {
        bytes_of(&self.folder.path().join("data"))
    }
}

fn bytes_of(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        // The kernel counts blocks of 512 bytes, whatever the file system's are.
        bytes += if about.is_dir() { bytes_of(&entry.path())? } else { about.blocks() * 512 };
    }
    Ok(bytes)
}

/// A server that says `... listening on http://ADDRESS` once it does. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    proc: PathBuf,
}

/// What a process takes of the machine's memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// `VmRSS`.
    pub(crate) resident: u64,
    /// `VmHWM`: the most it was since the process began, or since [`Process::forget_peak`].
    pub(crate) peak: u64,
}

impl Process {
    pub(crate) async fn start(mut command: Command) -> Result<(Process, Duration)> {
        let begun = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let proc = PathBuf::from(format!("/proc/{}", child.id().unwrap_or_default()));
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let line = tokio::time::timeout(PATIENCE, BufReader::new(stdout).lines().next_line()).await??;
        let took = begun.elapsed();
        let line = line.ok_or("the process ended before it listened")?;
        let (_, address) = line.rsplit_once("http://").ok_or_else(|| format!("no address in {line:?}"))?;
        Ok((Process { child, address: address.trim().parse()?, proc }, took))
    }

    /// SIGKILL, as a power cut would be to it.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to end, upon which it saves a snapshot, and watches its memory until it has. Gives how long that took and the most memory.
    pub(crate) async fn terminate(mut self) -> Result<(Duration, Memory)> {
        self.forget_peak()?;
        let begun = Instant::now();
        let id = self.child.id().ok_or("it has ended already")?.to_string();
        std::process::Command::new("kill").args(["-TERM", &id]).status()?;
        let mut last = Memory::default();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let clean = status.success().then_some((begun.elapsed(), last));
                return clean.ok_or_else(|| format!("the collector ended with {status}").into());
            }
            // Between its end and its burial a process has no memory any more.
            if let Ok(memory) = self.memory() {
                last = memory;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(self.proc.join("status"))?;
        let kib = |name: &str| -> Result<u64> {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line in status")?;
            Ok(value.trim_start_matches(':').trim_end_matches("kB").trim().parse::<u64>()? * 1024)
        };
        Ok(Memory { resident: kib("VmRSS")?, peak: kib("VmHWM")? })
    }

    /// Sets the peak of its memory to what it is now.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(self.proc.join("clear_refs"), "5")?)
    }

    /// Seconds of all cores together that it has run.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(self.proc.join("stat"))?;
        // The name in parentheses may hold anything; utime and stime are the 12th and 13th after it.
        let after = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |place: usize| -> Result<f64> { Ok(fields.get(place).ok_or("stat is short")?.parse()?) };
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }

    /// Bytes that it has caused to be written to disks.
    pub(crate) fn written_bytes(&self) -> Result<u64> {
        let io = fs::read_to_string(self.proc.join("io"))?;
        let value = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        Ok(value.ok_or("no write_bytes in io")?.trim().parse()?)
    }
}
