//! What is told of the rows: lines on a terminal, and a page of the documentation.

use std::fmt::Write as _;

use anyhow::Result;

use super::rows::{ROWS, UNTESTED};
use super::tool::Tool;
use crate::browser::Engine;

/// What came of a row with one tool in one browser.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The browser.
    pub engine: Engine,
    /// The row's number.
    pub row: &'static str,
    /// The tool.
    pub tool: Tool,
    /// A remark, or what was seen instead of what is required.
    pub result: Result<String, String>,
}

/// Everything that came of a run.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// One for each row, tool and browser.
    pub all: Vec<Outcome>,
    /// The browsers, with their versions.
    pub browsers: Vec<String>,
}

impl Outcomes {
    /// Those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Outcome> {
        self.all.iter().filter(|outcome| outcome.result.is_err())
    }

    fn of(&self, engine: Engine, row: &str, tool: Tool) -> &'static str {
        let found = self.all.iter().find(|it| (it.engine, it.row, it.tool) == (engine, row, tool));
        match found.map(|outcome| &outcome.result) {
            None => "-",
            Some(Ok(_)) => "pass",
            Some(Err(_)) => "FAIL",
        }
    }

    fn engines(&self) -> impl Iterator<Item = Engine> + '_ {
        let engines = [Engine::Chromium, Engine::Firefox];
        engines.into_iter().filter(|engine| self.all.iter().any(|outcome| outcome.engine == *engine))
    }

    /// The table for a terminal, with what failed under it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for engine in self.engines() {
            let _ = write!(text, "\n{:<10}", engine.name());
            for tool in Tool::ALL {
                let _ = write!(text, "{:<15}", tool.name());
            }
            text.push('\n');
            for row in ROWS.iter().filter(|row| self.all.iter().any(|it| it.engine == engine && it.row == row.number)) {
                let _ = write!(text, "{:<10}", row.number);
                for tool in Tool::ALL {
                    let _ = write!(text, "{:<15}", self.of(engine, row.number, tool));
                }
                text.push('\n');
            }
        }
        for Outcome { engine, row, tool, result } in self.failed() {
            let why = result.as_ref().err().map_or("", String::as_str);
            let _ = write!(text, "\n{row} {} {}: {why}", tool.name(), engine.name());
        }
        text
    }

    /// The table as Markdown.
    ///
    /// # Errors
    /// When a package is not locked.
    pub fn markdown(&self) -> Result<String> {
        let mut text = String::from("## Waver\n\n");
        let packages = Tool::ALL.iter().map(|tool| tool.package()).collect::<Result<Vec<_>>>()?;
        let _ = writeln!(text, "Consent tools: {}.\n", packages.join(", "));
        for (engine, version) in self.engines().zip(&self.browsers) {
            let _ = writeln!(text, "### {version}\n");
            let names = Tool::ALL.map(Tool::name);
            let _ =
                writeln!(text, "| | requirement | {} |\n|---|---|{}", names.join(" | "), "---|".repeat(names.len()));
            for row in ROWS.iter().filter(|row| self.all.iter().any(|it| it.engine == engine && it.row == row.number)) {
                let cells = Tool::ALL.map(|tool| self.of(engine, row.number, tool));
                let _ = writeln!(text, "| {} | {} | {} |", row.number, row.what, cells.join(" | "));
            }
            text.push('\n');
        }
        text.push_str("`-`: the row does not concern that tool.\n\n");
        let mut remarks: Vec<String> = Vec::new();
        for Outcome { engine, row, tool, result } in &self.all {
            let (verdict, remark) = match result {
                Ok(remark) if remark.is_empty() => continue,
                Ok(remark) => ("", remark),
                Err(why) => ("FAIL: ", why),
            };
            remarks.push(format!(
                "- {row}, {}, {}: {verdict}{}",
                tool.name(),
                engine.name(),
                remark.replace('\n', " ")
            ));
        }
        if !remarks.is_empty() {
            let _ = writeln!(text, "Remarks:\n\n{}\n", remarks.join("\n"));
        }
        text.push_str("Not tested here:\n\n");
        for (what, why) in UNTESTED {
            let _ = writeln!(text, "- {what}: {why}.");
        }
        Ok(text)
    }
}
