use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The top of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| unreachable!("tests/ has a parent"))
}

/// The freshly built binary `name`, which is `waver` or `waver-sim`. Cargo tells a test only the binaries of its own package, so they are built here,
/// once, into the folder that this test itself was built into.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "waver", "--package", "waver-sim", "--bins"])
            .current_dir(root())
            .stdin(Stdio::null())
            .status();
        match build {
            Ok(status) if status.success() => {}
            other => return Err(format!("building the binaries failed: {other:?}")),
        }
        // target/debug/deps/test-0123 -> target/debug
        let test = std::env::current_exe().map_err(|error| error.to_string())?;
        test.parent().and_then(Path::parent).map(Path::to_path_buf).ok_or_else(|| "a test without a folder".to_owned())
    });
    match folder {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) => bail!("{error}"),
    }
}

/// The program of the simulated shop and its shoppers.
///
/// # Errors
/// When it cannot be built.
pub fn sim() -> Result<tokio::process::Command> {
    binary("waver-sim").map(tokio::process::Command::new)
}

/// A folder of the built web side, or what to do to get it.
pub(crate) fn dist(folder: &str) -> Result<PathBuf> {
    let path = root().join("dist").join(folder);
    if path.exists() { Ok(path) } else { bail!("{} is missing: run `cargo xtask build`", path.display()) }
}

/// Where free ports are looked for: below those that operating systems give to outgoing connections, so that no connection takes the port of a
/// server while a test starts it anew.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port on loopback that nobody listens on.
///
/// # Errors
/// When none of many is free.
pub fn free_port() -> Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Tests of other processes look for one at the same time, and begin somewhere else.
    let begin = std::process::id().wrapping_mul(131) as u16;
    for _ in 0..1_000 {
        let place = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let port = PORTS.start + place;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no free port on loopback in {PORTS:?}")
}

/// The seed of a test that draws by chance: `WAVER_SEED`, or another one each time. Tests print it when they fail.
pub fn seed() -> u64 {
    let given = std::env::var("WAVER_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64))
}

/// Asks again until `question` answers with something, for at most `limit`; says `what` was awaited when it never does.
///
/// # Errors
/// When the limit passes, with the last error of the question if it had one.
pub async fn eventually<T, Answer>(what: &str, limit: Duration, mut question: impl FnMut() -> Answer) -> Result<T>
where
    Answer: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + limit;
    loop {
        let answer = question().await;
        match answer {
            Ok(Some(found)) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("waited {limit:?} for {what}")));
            }
            Ok(None) if Instant::now() >= deadline => bail!("waited {limit:?} in vain for {what}"),
            _ => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}
