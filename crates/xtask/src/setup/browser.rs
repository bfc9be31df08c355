//! The browsers that the real-browser tests drive.

use super::system_packages::Requirement;
use crate::environment::Environment;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FIREFOXES: [&str; 2] = ["firefox-esr", "firefox"];

pub(crate) static BROWSER: Requirement = Requirement {
    what: "Chromium with chromedriver",
    without_it: "the browser tests are skipped",
    stops_build: false,
    packages: &["chromium", "chromium-driver"],
    present,
};

/// Its driver is no package of the system; [`super::geckodriver`] brings it.
pub(crate) static FIREFOX: Requirement = Requirement {
    what: "Firefox",
    without_it: "the tests of consent in Firefox are skipped",
    stops_build: false,
    packages: &["firefox-esr"],
    present: |environment| FIREFOXES.iter().any(|name| environment.find_program(name).is_some()),
};

fn present(environment: &Environment) -> bool {
    environment.find_program("chromedriver").is_some()
        && BROWSERS.iter().any(|name| environment.find_program(name).is_some())
}
