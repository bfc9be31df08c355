//! The command line as a type.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::recipe::Profile;

pub(crate) const HELP: &str = "\
cargo xtask <command>

  setup  [--for demo|test] [--yes]     install what is missing; safe to repeat
  build  [--profile release|dev]       browser package and pages into dist/, with their sizes
  demo   [--no-shoppers] [--release] [--data DIR] [--yes]
                                       set up, build, then a live shop and dashboard until Ctrl-C
  test   [--soak] [--yes] [-- FILTER]  set up, build, then every test (those whose name contains FILTER)
  consent [--peers] [--again] [--seconds N] [--row C1 ...] [--tool NAME ...] [--browser NAME] [--yes]
                                       real consent tools in real browsers, kept in docs/consent-conformance.md unless anything is chosen;
                                       --again puts what is chosen into the tables that are there
  fuzz   [--seconds N] [--jobs N] [TARGET...]
                                       search for bytes on which a decoder fails, 60 s for each target
  bench  [collector] [--sessions N] [--events N] [--json]
                                       the collector's limits, kept in docs/benchmarks.md unless N is given; some 15 minutes
  bench  browser [--callbacks N] [--json] [--yes]
                                       what the module costs a page's main thread, from the browser's trace, kept there too unless N is given
  ci     [--yes]                       what has to hold before a merge

  --yes  may install system packages with sudo (root on a Debian-like system installs them unasked)";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Invocation {
    Help,
    Setup(SetupOptions),
    Build(BuildOptions),
    Demo(DemoOptions),
    Test(TestOptions),
    Consent(ConsentOptions),
    Fuzz(FuzzOptions),
    Bench(BenchOptions),
    BrowserBench(BrowserBenchOptions),
    Ci(CiOptions),
}

/// What a machine is set up for; the tests need a browser on top of what the demo needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    #[default]
    Demo,
    Test,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct SetupOptions {
    pub(crate) purpose: Purpose,
    pub(crate) yes: bool,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct BuildOptions {
    pub(crate) profile: Profile,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct DemoOptions {
    pub(crate) no_shoppers: bool,
    pub(crate) release: bool,
    /// Where the collector keeps its data; `target/demo-data` unless given.
    pub(crate) data: Option<PathBuf>,
    pub(crate) yes: bool,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct TestOptions {
    pub(crate) soak: bool,
    pub(crate) yes: bool,
    /// Passed on to the test programs, as after `cargo test --`.
    pub(crate) filter: Vec<OsString>,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct ConsentOptions {
    pub(crate) yes: bool,
    /// Whether other vendors' trackers are tried in the place of Waver.
    pub(crate) peers: bool,
    /// Whether a chosen part takes its place in the tables that are kept.
    pub(crate) again: bool,
    /// Options of the command in `tests/examples/consent.rs`, each with its value.
    pub(crate) chosen: Vec<(String, String)>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct FuzzOptions {
    /// For each target.
    pub(crate) seconds: u64,
    /// Targets at a time.
    pub(crate) jobs: usize,
    /// All of them if none is named.
    pub(crate) targets: Vec<String>,
}

impl Default for FuzzOptions {
    fn default() -> Self {
        Self { seconds: 60, jobs: 1, targets: Vec::new() }
    }
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct BenchOptions {
    /// Live sessions whose memory is measured, if not the bench's own number.
    pub(crate) sessions: Option<u64>,
    /// Events in the log from which the collector starts, if not the bench's own number.
    pub(crate) events: Option<u64>,
    pub(crate) json: bool,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct BrowserBenchOptions {
    /// Callbacks that are measured, if not the bench's own number.
    pub(crate) callbacks: Option<u64>,
    pub(crate) json: bool,
    pub(crate) yes: bool,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct CiOptions {
    pub(crate) yes: bool,
}

/// # Errors
/// An unknown command or option, or a missing or impossible value.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    match parser.next()? {
        None | Some(Short('h') | Long("help")) => Ok(Invocation::Help),
        Some(Value(command)) => match command.to_str() {
            Some("setup") => setup(&mut parser).map(Invocation::Setup),
            Some("build") => build(&mut parser).map(Invocation::Build),
            Some("demo") => demo(&mut parser).map(Invocation::Demo),
            Some("test") => test(&mut parser).map(Invocation::Test),
            Some("consent") => consent(&mut parser).map(Invocation::Consent),
            Some("fuzz") => fuzz(&mut parser).map(Invocation::Fuzz),
            Some("bench") => bench(&mut parser),
            Some("ci") => ci(&mut parser).map(Invocation::Ci),
            Some("help") => Ok(Invocation::Help),
            _ => Err(format!("no such command: {}", command.display()).into()),
        },
        Some(option) => Err(option.unexpected()),
    }
}

fn setup(parser: &mut lexopt::Parser) -> Result<SetupOptions, lexopt::Error> {
    let mut options = SetupOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("for") => {
                options.purpose = parser.value()?.parse_with(|purpose| match purpose {
                    "demo" => Ok(Purpose::Demo),
                    "test" => Ok(Purpose::Test),
                    _ => Err("expected demo or test"),
                })?;
            }
            Long("yes") => options.yes = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn build(parser: &mut lexopt::Parser) -> Result<BuildOptions, lexopt::Error> {
    let mut options = BuildOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("profile") => {
                options.profile = parser.value()?.parse_with(|profile| match profile {
                    "release" => Ok(Profile::Release),
                    "dev" => Ok(Profile::Dev),
                    _ => Err("expected release or dev"),
                })?;
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn demo(parser: &mut lexopt::Parser) -> Result<DemoOptions, lexopt::Error> {
    let mut options = DemoOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("no-shoppers") => options.no_shoppers = true,
            Long("release") => options.release = true,
            Long("data") => options.data = Some(parser.value()?.into()),
            Long("yes") => options.yes = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn test(parser: &mut lexopt::Parser) -> Result<TestOptions, lexopt::Error> {
    let mut options = TestOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("soak") => options.soak = true,
            Long("yes") => options.yes = true,
            // After `--` lexopt hands out plain values; before it, `cargo xtask test name` is as clear.
            Value(filter) => options.filter.push(filter),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn consent(parser: &mut lexopt::Parser) -> Result<ConsentOptions, lexopt::Error> {
    let mut options = ConsentOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("yes") => options.yes = true,
            Long("peers") => options.peers = true,
            Long("again") => options.again = true,
            Long(name @ ("seconds" | "phases" | "pairs" | "row" | "tool" | "browser")) => {
                let name = format!("--{name}");
                options.chosen.push((name, parser.value()?.string()?));
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn fuzz(parser: &mut lexopt::Parser) -> Result<FuzzOptions, lexopt::Error> {
    let mut options = FuzzOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => options.seconds = parser.value()?.parse::<std::num::NonZeroU64>()?.get(),
            Long("jobs") => options.jobs = parser.value()?.parse::<std::num::NonZeroUsize>()?.get(),
            Value(target) => options.targets.push(target.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

fn bench(parser: &mut lexopt::Parser) -> Result<Invocation, lexopt::Error> {
    let mut collector = BenchOptions::default();
    let mut browser = BrowserBenchOptions::default();
    let mut of_browser = false;
    let number = |value: OsString| value.parse::<std::num::NonZeroU64>().map(|number| Some(number.get()));
    while let Some(argument) = parser.next()? {
        match argument {
            Long("sessions") if !of_browser => collector.sessions = number(parser.value()?)?,
            Long("events") if !of_browser => collector.events = number(parser.value()?)?,
            Long("callbacks") if of_browser => browser.callbacks = number(parser.value()?)?,
            Long("yes") if of_browser => browser.yes = true,
            Long("json") => (collector.json, browser.json) = (true, true),
            Value(what) if what == "collector" => {}
            Value(what) if what == "browser" => of_browser = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(if of_browser { Invocation::BrowserBench(browser) } else { Invocation::Bench(collector) })
}

fn ci(parser: &mut lexopt::Parser) -> Result<CiOptions, lexopt::Error> {
    let mut options = CiOptions::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("yes") => options.yes = true,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_and_help_both_ask_for_help() {
        for line in ["", "help", "--help", "-h"] {
            assert_eq!(parsed(line), Ok(Invocation::Help), "{line:?}");
        }
    }

    #[test]
    fn every_option_arrives() {
        assert_eq!(
            parsed("setup --for test --yes"),
            Ok(Invocation::Setup(SetupOptions { purpose: Purpose::Test, yes: true }))
        );
        assert_eq!(parsed("build --profile=dev"), Ok(Invocation::Build(BuildOptions { profile: Profile::Dev })));
        assert_eq!(
            parsed("demo --no-shoppers --release --data /d"),
            Ok(Invocation::Demo(DemoOptions { no_shoppers: true, release: true, data: Some("/d".into()), yes: false }))
        );
        assert_eq!(
            parsed("test --soak -- consent --nocapture"),
            Ok(Invocation::Test(TestOptions {
                soak: true,
                yes: false,
                filter: vec!["consent".into(), "--nocapture".into()]
            }))
        );
    }

    #[test]
    fn a_run_of_consent_may_be_of_a_part() {
        assert_eq!(parsed("consent"), Ok(Invocation::Consent(ConsentOptions::default())));
        let chosen = vec![("--row".to_owned(), "C7".to_owned()), ("--browser".to_owned(), "firefox".to_owned())];
        assert_eq!(
            parsed("consent --peers --row C7 --browser=firefox"),
            Ok(Invocation::Consent(ConsentOptions { yes: false, peers: true, again: false, chosen }))
        );
        assert!(parsed("consent --column C7").is_err());
    }

    #[test]
    fn a_search_may_be_short_or_wide_or_on_a_few_targets_alone() {
        assert_eq!(parsed("fuzz"), Ok(Invocation::Fuzz(FuzzOptions::default())));
        assert_eq!(
            parsed("fuzz --seconds 600 --jobs=2 batch group"),
            Ok(Invocation::Fuzz(FuzzOptions {
                seconds: 600,
                jobs: 2,
                targets: vec!["batch".to_owned(), "group".to_owned()]
            }))
        );
        assert!(parsed("fuzz --jobs 0").is_err());
    }

    #[test]
    fn a_bench_has_its_own_numbers_unless_others_are_given() {
        assert_eq!(parsed("bench"), Ok(Invocation::Bench(BenchOptions::default())));
        assert_eq!(
            parsed("bench collector --sessions 1000 --events=5000 --json"),
            Ok(Invocation::Bench(BenchOptions { sessions: Some(1000), events: Some(5000), json: true }))
        );
        assert!(parsed("bench --sessions 0").is_err());
        let browser = BrowserBenchOptions { callbacks: Some(50), ..BrowserBenchOptions::default() };
        assert_eq!(parsed("bench browser --callbacks 50"), Ok(Invocation::BrowserBench(browser)));
        assert!(parsed("bench browser --events 5").is_err());
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        assert_eq!(parsed("benchmark"), Err("no such command: benchmark".to_owned()));
        assert!(parsed("bench shop").is_err_and(|error| error.contains("shop")));
        assert!(parsed("demo --shoppers").is_err_and(|error| error.contains("--shoppers")));
        assert!(parsed("build --profile fast").is_err_and(|error| error.contains("release or dev")));
        assert!(parsed("setup --for").is_err());
    }
}
