//! The conformance of consent as a command: `cargo xtask consent`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use waver_tests::browser::Engine;
use waver_tests::consent::peers;
use waver_tests::consent::run::{Selection, run};
use waver_tests::consent::stage::Effort;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut effort = Effort { watched: Duration::from_secs(60), phases: 125, pairs: 20 };
    let mut selection =
        Selection { engines: vec![Engine::Chromium, Engine::Firefox], rows: Vec::new(), tools: Vec::new(), pairs: &[] };
    let mut with_peers = false;
    let mut again = false;
    let mut report: Option<PathBuf> = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} takes a value"));
        match argument.as_str() {
            "--seconds" => effort.watched = Duration::from_secs(value()?.parse()?),
            "--phases" => effort.phases = value()?.parse()?,
            "--pairs" => effort.pairs = value()?.parse()?,
            "--row" => selection.rows.push(value()?),
            "--tool" => selection.tools.push(value()?),
            "--browser" => {
                let name = value()?;
                selection.engines.retain(|engine| engine.name().eq_ignore_ascii_case(&name));
            }
            "--peers" => with_peers = true,
            "--again" => again = true,
            "--report" => report = Some(value()?.into()),
            other => bail!("unknown argument {other}"),
        }
    }
    if with_peers {
        // Where others fail is told and is no failure of ours.
        let seen = peers::run(effort).await?.markdown()?;
        println!("\n{seen}");
        return report.map_or(Ok(()), |path| page::put(&path, "## Other trackers", &seen));
    }
    let outcomes = run(&selection, effort).await?;
    println!("{}", outcomes.text());
    let failed = outcomes.failed().count();
    let run = outcomes.all.len();
    if let (Some(path), true) = (&report, again) {
        page::put_again(path, outcomes)?;
    } else if let Some(path) = report {
        let effort = format!(
            "Each shopper acted for {} s before a grant, and consent was withdrawn at {} random moments with each tool and browser.\n\n",
            effort.watched.as_secs(),
            effort.phases + 1
        );
        page::put(
            &path,
            "## Waver",
            &outcomes.markdown()?.replacen("## Waver\n\n", &format!("## Waver\n\n{effort}"), 1),
        )?;
    }
    if failed > 0 {
        bail!("{failed} of {run} failed");
    }
    Ok(())
}

/// The page of the documentation.
mod page {
    use std::path::Path;

    use anyhow::{Context, Result};
    use waver_tests::consent::table::Outcomes;

    const HEAD: &str = "# Consent: what was tried, and what came of it\n\n\
        Written by `cargo xtask consent` and `cargo xtask consent --peers`: real consent tools and trackers from npm on pages of their own, in real\n\
        browsers, with every request through a server that keeps each byte. The rows are in `tests/src/consent/rows.rs`.\n";

    /// Puts a section, which begins with `heading`, into the page with the date of today, and leaves the other one as it is.
    pub(super) fn put(path: &Path, heading: &str, section: &str) -> Result<()> {
        let known = std::fs::read_to_string(path).unwrap_or_default();
        let mut sections: Vec<String> = Vec::new();
        for part in known.split("\n## ").skip(1) {
            sections.push(format!("## {}", part.trim_end()));
        }
        sections.retain(|known| !known.starts_with(heading));
        let dated = section.trim_end().replacen(heading, &format!("{heading}\n\n{}", today()?), 1);
        if heading == "## Waver" {
            sections.insert(0, dated)
        } else {
            sections.push(dated)
        }
        let text = format!("{HEAD}\n{}\n", sections.join("\n\n"));
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// Puts what was run again by itself into the section of the last whole run, and says so there.
    pub(super) fn put_again(path: &Path, later: Outcomes) -> Result<()> {
        const TABLES: &str = "Consent tools: ";
        let known = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let begin = known.find("## Waver\n").context("there is no whole run to put it into")?;
        let end = known[begin + 3..].find("\n## ").map_or(known.len(), |end| begin + 3 + end);
        let section = &known[begin..end];
        let said = section.find(TABLES).context("the section is not what was written")?;
        let names: Vec<String> = later.all.iter().map(|outcome| outcome.name()).collect();
        let mut outcomes = Outcomes::read(section)?;
        outcomes.replace_by(later)?;
        let told = outcomes.markdown()?;
        let tables = &told[told.find(TABLES).context("the tables")?..];
        let again = format!("{}\n\nRun again by itself: {}.\n\n", today()?, names.join(", "));
        let text = [&known[..begin], &section[..said], &again, tables.trim_end(), "\n", &known[end..]].concat();
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// The date, as the system has it.
    fn today() -> Result<String> {
        let said = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output().context("date")?;
        Ok(format!("Tried on {}.", String::from_utf8_lossy(&said.stdout).trim()))
    }
}
