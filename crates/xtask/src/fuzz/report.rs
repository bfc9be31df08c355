//! What a search came to, as libFuzzer's output tells.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

#[derive(Debug, PartialEq)]
pub(super) struct Report {
    target: String,
    seconds: u64,
    executions: u64,
    /// Edges of the code that some input took.
    edges: u64,
    /// Most memory, in megabytes.
    memory: u64,
    passed: bool,
    /// The input that failed.
    finding: Option<String>,
    log: PathBuf,
}

impl Report {
    /// # Errors
    /// The log cannot be read.
    pub(super) fn read(target: &str, took: Duration, log: &Path, passed: bool) -> Result<Report> {
        let bytes = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
        let output = String::from_utf8_lossy(&bytes);
        let number_after = |mark: &str| {
            let after = output.rsplit_once(mark)?.1.trim_start();
            after.split(|digit: char| !digit.is_ascii_digit()).next()?.parse().ok()
        };
        Ok(Report {
            target: target.to_owned(),
            seconds: took.as_secs(),
            executions: number_after("stat::number_of_executed_units:").unwrap_or_default(),
            edges: number_after(" cov:").unwrap_or_default(),
            memory: number_after("stat::peak_rss_mb:").unwrap_or_default(),
            passed,
            finding: output
                .rsplit_once("Test unit written to ")
                .and_then(|(_, path)| path.lines().next())
                .map(str::to_owned),
            log: log.to_owned(),
        })
    }

    /// One line of the table.
    pub(super) fn line(&self) -> String {
        let Report { target, seconds, executions, edges, memory, .. } = self;
        let findings = if self.passed { "none" } else { "FAILED" };
        format!("{target:<14}{seconds:>8}{executions:>14}{edges:>10}{memory:>12}  {findings}")
    }

    /// What failed, and where to see it.
    pub(super) fn failure(&self) -> Option<String> {
        let shown = self.finding.clone().unwrap_or_else(|| "no input was kept".to_owned());
        (!self.passed).then(|| format!("{} fails: {shown}, see {}", self.target, self.log.display()))
    }
}

/// All of them, with a head.
pub(super) fn table(reports: &[Report]) -> String {
    let mut table =
        format!("{:<14}{:>8}{:>14}{:>10}{:>12}  findings", "target", "seconds", "executions", "edges", "peak MB");
    for report in reports {
        table.push('\n');
        table.push_str(&report.line());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str, passed: bool) -> Report {
        let log = std::env::temp_dir().join(format!("xtask-fuzz-{}-{}.log", std::process::id(), passed));
        fs::write(&log, output).expect("write");
        let report = Report::read("batch", Duration::from_secs(61), &log, passed).expect("read");
        fs::remove_file(&log).expect("remove");
        report
    }

    #[test]
    fn the_numbers_are_libfuzzers_last_ones() {
        let output = "#2 INITED cov: 10 ft: 11\n#99\tNEW    cov: 1234 ft: 11 corp: 1/1b\n\
            stat::number_of_executed_units: 5021\nstat::peak_rss_mb:              77\n";
        let report = read(output, true);
        assert_eq!(report.line().split_whitespace().collect::<Vec<_>>(), ["batch", "61", "5021", "1234", "77", "none"]);
        assert_eq!(report.failure(), None);
    }

    #[test]
    fn a_failure_names_the_input() {
        let failure = read("Test unit written to /w/findings/crash-00\nBase64: AA\n", false).failure();
        assert!(failure.is_some_and(|failure| failure.contains("batch fails: /w/findings/crash-00, see")));
    }
}
