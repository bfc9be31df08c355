//! The conformance of consent as a command: `cargo xtask consent`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use waver_tests::browser::Engine;
use waver_tests::consent::run::{Selection, run};
use waver_tests::consent::stage::Effort;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut effort = Effort { watched: Duration::from_secs(60), phases: 125, pairs: 20 };
    let mut selection =
        Selection { engines: vec![Engine::Chromium, Engine::Firefox], rows: Vec::new(), tools: Vec::new(), pairs: &[] };
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
            "--report" => report = Some(value()?.into()),
            other => bail!("unknown argument {other}"),
        }
    }
    let outcomes = run(&selection, effort).await?;
    println!("{}", outcomes.text());
    if let Some(path) = report {
        std::fs::write(&path, outcomes.markdown()?).with_context(|| path.display().to_string())?;
    }
    let failed = outcomes.failed().count();
    if failed > 0 {
        bail!("{failed} of {} failed", outcomes.all.len());
    }
    Ok(())
}
