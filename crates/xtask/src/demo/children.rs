//! The programs of the demo: started with a log each, watched, and stopped in order.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process;

/// The collector finishes requests and writes its last group to disk.
const GRACE: Duration = Duration::from_secs(10);
/// Lines of a log that are shown when its program died.
const LAST_LINES: usize = 15;

pub(super) struct Children {
    logs: PathBuf,
    /// In the order in which they were started.
    running: Vec<(&'static str, Child)>,
}

/// A program that ended without being asked to.
pub(super) struct Ended {
    pub(super) name: &'static str,
    pub(super) status: ExitStatus,
    log: PathBuf,
}

impl Children {
    pub(super) fn in_folder(logs: &Path) -> Self {
        Self { logs: logs.to_path_buf(), running: Vec::new() }
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// # Errors
    /// The program or its log cannot be opened.
    pub(super) fn start(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        let path = self.log(name);
        let log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own: Ctrl-C in the terminal reaches this program alone, which then stops the others in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start the {name}: `{}`", process::line(command)))?;
        self.running.push((name, child));
        Ok(())
    }

    /// The first program found to have ended, once.
    ///
    /// # Errors
    /// The operating system cannot say how a child is.
    pub(super) fn ended(&mut self) -> Result<Option<Ended>> {
        for index in 0..self.running.len() {
            if let Some(status) = self.running[index].1.try_wait()? {
                let (name, _) = self.running.remove(index);
                return Ok(Some(Ended { name, status, log: self.log(name) }));
            }
        }
        Ok(None)
    }

    /// Asks each to stop, the last started first; who does not within [`GRACE`] is killed.
    ///
    /// # Errors
    /// The operating system cannot say how a child is.
    pub(super) fn stop(&mut self) -> Result<()> {
        while let Some((name, mut child)) = self.running.pop() {
            // An id beyond the type cannot come from the system; a child that just ended is no error.
            if let Ok(id) = i32::try_from(child.id()) {
                let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
            }
            if process::wait_within(&mut child, GRACE)?.is_none() {
                println!("the {name} did not stop within {} s and is killed", GRACE.as_secs());
                child.kill()?;
                child.wait()?;
            }
        }
        Ok(())
    }
}

impl Drop for Children {
    /// On an error, too, nothing is left running.
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

impl Ended {
    pub(super) fn report(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
        format!("the {} ended ({}). The last lines of {}:\n  {last}", self.name, self.status, self.log.display())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn who_dies_is_named_with_the_end_of_its_log_and_the_rest_is_stopped_in_reverse_order() {
        let logs = std::env::temp_dir().join(format!("xtask-children-{}", std::process::id()));
        std::fs::create_dir_all(&logs).expect("folder");
        let order = logs.join("order");
        let polite = |name: &str| {
            shell(&format!(
                "trap 'echo {name} >> {}; exit 0' TERM; echo up; while :; do sleep 0.02; done",
                order.display()
            ))
        };
        let mut children = Children::in_folder(&logs);
        children.start("first", &mut polite("first")).expect("first");
        children.start("second", &mut polite("second")).expect("second");
        children.start("third", &mut shell("echo no such folder >&2; exit 78")).expect("third");

        let deadline = Instant::now() + Duration::from_secs(30);
        let up = |name: &str| std::fs::read_to_string(logs.join(name)).is_ok_and(|log| log == "up\n");
        let mut ended = None;
        while ended.is_none() || !up("first.log") || !up("second.log") {
            assert!(Instant::now() < deadline, "the children did not start");
            ended = ended.or(children.ended().expect("watch"));
        }
        let report = ended.map(|ended| ended.report()).unwrap_or_default();
        children.stop().expect("stop");
        let stopped = std::fs::read_to_string(&order).unwrap_or_default();
        std::fs::remove_dir_all(&logs).expect("remove");

        assert!(report.contains("the third ended (exit status: 78)"), "{report}");
        assert!(report.contains("no such folder"), "{report}");
        assert_eq!(stopped, "second\nfirst\n");
    }
}
