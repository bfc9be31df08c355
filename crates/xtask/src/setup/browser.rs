//! The browser that the real-browser tests drive.

use super::system_packages::Requirement;
use crate::environment::Environment;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

pub(crate) static BROWSER: Requirement = Requirement {
    what: "Chromium with chromedriver",
    without_it: "the browser tests are skipped",
    stops_build: false,
    packages: &["chromium", "chromium-driver"],
    present,
};

fn present(environment: &Environment) -> bool {
    environment.find_program("chromedriver").is_some()
        && BROWSERS.iter().any(|name| environment.find_program(name).is_some())
}
