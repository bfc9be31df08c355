//! What is told of the rows: lines on a terminal, and a page of the documentation.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

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

impl Outcome {
    /// What it is of, such as `C7 with c15t in Firefox`.
    pub fn name(&self) -> String {
        format!("{} with {} in {}", self.row, self.tool.name(), self.engine.name())
    }
}

fn row_of(number: &str) -> Result<&'static str> {
    let row = ROWS.iter().find(|row| row.number == number);
    row.map(|row| row.number).with_context(|| format!("there is no row {number}"))
}

fn engine_of(name: &str) -> Result<Engine> {
    let engines = [Engine::Chromium, Engine::Firefox];
    engines.into_iter().find(|engine| engine.name() == name).with_context(|| format!("there is no browser {name}"))
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

    /// The outcomes that [`Outcomes::markdown`] told of.
    ///
    /// # Errors
    /// When it is not what was written, or names what is not there any more.
    pub fn read(markdown: &str) -> Result<Outcomes> {
        let mut outcomes = Outcomes::default();
        let mut engine = None;
        for line in markdown.lines() {
            if let Some(version) = line.strip_prefix("### ") {
                engine = Some(engine_of(version.split(' ').next().unwrap_or_default())?);
                outcomes.browsers.push(version.to_owned());
            } else if let Some(cells) = line.strip_prefix("| C") {
                let cells: Vec<&str> = cells.trim_end_matches(" |").split(" | ").collect();
                ensure!(cells.len() == Tool::ALL.len() + 2, "another number of tools: {line}");
                let row = row_of(&format!("C{}", cells[0]))?;
                let engine = engine.context("a row before any browser")?;
                for (tool, cell) in Tool::ALL.into_iter().zip(&cells[2..]) {
                    let result = match *cell {
                        "-" => continue,
                        "pass" => Ok(String::new()),
                        _ => Err(String::new()),
                    };
                    outcomes.all.push(Outcome { engine, row, tool, result });
                }
            } else if let Some((of, remark)) = line.strip_prefix("- C").and_then(|line| line.split_once(": ")) {
                let of: Vec<&str> = of.split(", ").collect();
                // What is not tested is listed in the same way.
                let [number, tool, engine] = of[..] else { continue };
                let (Ok(row), Ok(engine)) = (row_of(&format!("C{number}")), engine_of(engine)) else { continue };
                let is_it = |it: &&mut Outcome| it.row == row && it.engine == engine && it.tool.name() == tool;
                let told =
                    outcomes.all.iter_mut().find(is_it).with_context(|| format!("nothing to remark on: {line}"))?;
                told.result = match &told.result {
                    Ok(_) => Ok(remark.to_owned()),
                    Err(_) => Err(remark.trim_start_matches("FAIL: ").to_owned()),
                };
            }
        }
        ensure!(!outcomes.all.is_empty(), "there is no table");
        Ok(outcomes)
    }

    /// Puts what came of a later run in the place of the same of this one.
    ///
    /// # Errors
    /// When it was run in another version of the browser, or with what was not run before: then the whole is to be run.
    pub fn replace_by(&mut self, later: Outcomes) -> Result<()> {
        for browser in &later.browsers {
            ensure!(self.browsers.contains(browser), "the table is of other browsers than {browser}");
        }
        for outcome in later.all {
            let is_it = |it: &&mut Outcome| (it.row, it.engine, it.tool) == (outcome.row, outcome.engine, outcome.tool);
            let told =
                self.all.iter_mut().find(is_it).with_context(|| format!("{} is not in the table", outcome.name()))?;
            *told = outcome;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(engine: Engine, row: &'static str, tool: Tool, result: Result<&str, &str>) -> Outcome {
        Outcome { engine, row, tool, result: result.map(str::to_owned).map_err(str::to_owned) }
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_parts_of_it_take_each_others_place() -> Result<()> {
        let all = vec![
            outcome(Engine::Chromium, "C1", Tool::Vanilla, Ok("")),
            outcome(Engine::Chromium, "C7", Tool::C15t, Ok("126 withdrawals, and: more")),
            outcome(Engine::Firefox, "C7", Tool::C15t, Err("begun after it: [\"at 188\"]")),
        ];
        let browsers = vec!["Chromium 1.2".to_owned(), "Firefox 3.4".to_owned()];
        let mut outcomes = Outcomes { all, browsers };
        let written = outcomes.markdown()?;
        let read = Outcomes::read(&written)?;
        assert_eq!((read.markdown()?, &read.browsers), (written, &outcomes.browsers));

        let later = |browser: &str, row| Outcomes {
            all: vec![outcome(Engine::Firefox, row, Tool::C15t, Ok("again"))],
            browsers: vec![browser.to_owned()],
        };
        assert!(outcomes.replace_by(later("Firefox 3.5", "C7")).is_err(), "another version");
        assert!(outcomes.replace_by(later("Firefox 3.4", "C8")).is_err(), "not run before");
        outcomes.replace_by(later("Firefox 3.4", "C7"))?;
        assert_eq!((outcomes.failed().count(), outcomes.all.len()), (0, 3));
        Ok(())
    }
}
