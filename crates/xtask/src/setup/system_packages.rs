//! Programs that only the system's package manager can bring: installed with apt where this program may, named otherwise.

use anyhow::Result;

use crate::environment::Environment;
use crate::process;
use crate::progress::Step;

/// Something that packages of the system bring.
#[derive(Debug)]
pub(crate) struct Requirement {
    pub(crate) what: &'static str,
    pub(crate) without_it: &'static str,
    pub(crate) stops_build: bool,
    /// Debian's names.
    pub(crate) packages: &'static [&'static str],
    pub(crate) present: fn(&Environment) -> bool,
}

impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

/// How packages may be installed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    Root,
    Sudo,
    None,
}

pub(crate) struct Installer {
    permission: Permission,
}

impl Installer {
    pub(crate) fn new(environment: &Environment, yes: bool) -> Self {
        let debian_like =
            std::path::Path::new("/etc/debian_version").exists() && environment.find_program("apt-get").is_some();
        Self { permission: permission(nix::unistd::geteuid().is_root(), debian_like, yes) }
    }

    /// Installs what is not present, if that is allowed, and returns what is still not present.
    ///
    /// # Errors
    /// apt itself failed.
    pub(crate) fn provide(
        &self,
        environment: &Environment,
        step: &Step,
        needed: &[&'static Requirement],
    ) -> Result<Vec<&'static Requirement>> {
        let missing = absent(environment, needed);
        if missing.is_empty() || self.permission == Permission::None {
            return Ok(missing);
        }
        let packages = packages(&missing);
        step.doing(&format!("apt-get install {}", packages.join(" ")));
        // Old lists name versions that the mirror no longer has; an unreachable mirror may still have filled the cache.
        if let Err(error) = self.apt(environment, &["update", "-qq"], &[]) {
            step.doing(&format!("{error}; trying with the lists as they are"));
        }
        self.apt(environment, &["install", "-y", "-qq", "--no-install-recommends"], &packages)?;
        Ok(absent(environment, needed))
    }

    fn apt(&self, environment: &Environment, arguments: &[&str], packages: &[&str]) -> Result<()> {
        let mut command = if self.permission == Permission::Sudo {
            let mut command = environment.command("sudo");
            command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            command
        } else {
            let mut command = environment.command("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive");
            command
        };
        process::run(command.args(arguments).args(packages))
    }
}

fn permission(root: bool, debian_like: bool, yes: bool) -> Permission {
    match (debian_like, root, yes) {
        (true, true, _) => Permission::Root,
        (true, false, true) => Permission::Sudo,
        _ => Permission::None,
    }
}

fn absent(environment: &Environment, needed: &[&'static Requirement]) -> Vec<&'static Requirement> {
    needed.iter().copied().filter(|requirement| !(requirement.present)(environment)).collect()
}

fn packages(missing: &[&'static Requirement]) -> Vec<&'static str> {
    missing.iter().flat_map(|requirement| requirement.packages).copied().collect()
}

/// What is missing, why that matters, and the one line that installs all of it.
pub(crate) fn report(missing: &[&'static Requirement]) -> String {
    let mut lines: Vec<String> = missing
        .iter()
        .map(|requirement| format!("  missing: {} ({})", requirement.what, requirement.without_it))
        .collect();
    let packages = packages(missing).join(" ");
    if !packages.is_empty() {
        lines.push(format!("  install: sudo apt-get install -y --no-install-recommends {packages}"));
        lines.push("  or repeat the command with --yes; on other systems install the same programs".to_owned());
    }
    lines.join("\n")
}

pub(crate) fn summary(needed: &[&'static Requirement], missing: &[&'static Requirement]) -> String {
    needed
        .iter()
        .map(|requirement| {
            let verb = if missing.contains(requirement) { "no" } else { "has" };
            format!("{verb} {}", requirement.what)
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    static TEAPOT: Requirement = Requirement {
        what: "a teapot",
        without_it: "no tea",
        stops_build: false,
        packages: &["teapot", "lid"],
        present: |_| false,
    };

    #[test]
    fn packages_are_installed_by_root_or_after_a_yes_and_only_with_apt() {
        assert_eq!(permission(true, true, false), Permission::Root);
        assert_eq!(permission(false, true, true), Permission::Sudo);
        assert_eq!(permission(false, true, false), Permission::None);
        assert_eq!(permission(true, false, true), Permission::None);
    }

    #[test]
    fn what_may_not_be_installed_is_returned_and_reported_with_one_line() {
        let installer = Installer { permission: Permission::None };
        let step = crate::progress::Progress::new("test", 1).step("packages");
        let missing = installer.provide(&Environment::inherited(), &step, &[&TEAPOT]).expect("nothing is run");
        assert_eq!(missing, [&TEAPOT]);
        let report = report(&missing);
        assert!(report.contains("a teapot (no tea)"), "{report}");
        assert!(report.contains("install -y --no-install-recommends teapot lid\n"), "{report}");
        assert_eq!(summary(&[&TEAPOT], &missing), "no a teapot");
    }
}
