//! Runs a child process and says which one failed.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

const POLL: Duration = Duration::from_millis(20);

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to the end with this program's own terminal.
///
/// # Errors
/// The program is not there, or it ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    check(command, status)
}

/// Runs to the end and returns what it printed.
///
/// # Errors
/// The program is not there, it ends with anything but success, or it prints something that is not UTF-8.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(anyhow!(printed).context(failure(command, output.status)));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something that is not UTF-8", line(command)))
}

/// Runs silently to the end, or until `limit` has passed; then it is killed.
///
/// # Errors
/// As [`run`], and when the limit has passed.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    match wait_within(&mut child, limit)? {
        Some(status) => check(command, status),
        None => {
            child.kill()?;
            child.wait()?;
            bail!("`{}` took more than {} s", line(command), limit.as_secs())
        }
    }
}

/// Waits for a child that may never end; `None` once `limit` has passed.
///
/// # Errors
/// The operating system cannot say how the child is.
pub(crate) fn wait_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!(failure(command, status));
    }
    Ok(())
}

fn failure(command: &Command, status: ExitStatus) -> String {
    format!("`{}` failed ({status})", line(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).expect_err("exit 3");
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
        let error = run(&mut Command::new("no-such-program")).expect_err("missing");
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }

    #[test]
    fn captured_output_is_returned_and_a_failure_brings_what_was_printed() {
        assert_eq!(capture(Command::new("sh").args(["-c", "echo one"])).expect("echo"), "one\n");
        let error = capture(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).expect_err("exit 1");
        assert!(format!("{error:#}").contains("why"), "{error:#}");
    }

    #[test]
    fn a_command_over_its_limit_is_killed() {
        let error = run_within(Command::new("sleep").arg("60"), Duration::from_millis(50)).expect_err("limit");
        assert!(error.to_string().contains("took more than"), "{error}");
    }
}
