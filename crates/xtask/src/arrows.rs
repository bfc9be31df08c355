//! The arrows between crates: who may depend on whom. `crates/ARCHITECTURE.md` draws them; here they are enforced.

use crate::metadata::{Metadata, Package};

/// Members and the members they may name, be it as normal, dev- or build-dependency.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("waver-schema", &[]),
    ("waver-core", &["waver-schema"]),
    ("waver-store", &["waver-schema", "waver-core"]),
    ("waver-policy", &["waver-schema", "waver-core"]),
    ("waver-runtime", &["waver-schema", "waver-core"]),
    ("waver", &["waver-schema", "waver-core", "waver-store", "waver-policy", "waver-trainer"]),
    ("waver-trainer", &["waver-schema", "waver-core", "waver-policy"]),
    ("waver-sim", &["waver-schema", "waver-core"]),
];

/// Members that may name any other.
const UNRESTRICTED: [&str; 2] = ["waver-tests", "waver-xtask"];

/// Everything that the pure crates are built from. No I/O, clock, randomness, async or browser: so a list of what is
/// allowed, since a list of what is forbidden is never complete.
const PURE: [(&str, &[&str]); 2] = [
    ("waver-schema", &["serde", "thiserror", "utoipa"]),
    ("waver-core", &["datasketches", "hdrhistogram", "libm", "serde", "serde_bytes", "thiserror", "utoipa"]),
];

/// Features of the pure crates that bring in more, for the collector and the trainer; every byte of them would reach the shopper.
const NEVER_IN_THE_BROWSER: [&str; 3] = ["collector", "openapi", "trainer"];
const BROWSER: &str = "waver-runtime";

/// One sentence per arrow that must not be there.
pub(crate) fn violations(metadata: &Metadata) -> Vec<String> {
    metadata
        .packages
        .iter()
        .flat_map(|package| {
            forbidden_members(metadata, package)
                .into_iter()
                .chain(forbidden_libraries(metadata, package))
                .chain(forbidden_features(metadata, package))
        })
        .collect()
}

fn forbidden_members(metadata: &Metadata, package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    if UNRESTRICTED.contains(&name) {
        return Vec::new();
    }
    let Some((_, allowed)) = ALLOWED.iter().find(|(member, _)| *member == name) else {
        return vec![format!(
            "{name} is a new member: give it its arrows in crates/ARCHITECTURE.md and crates/xtask/src/arrows.rs"
        )];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| metadata.package(&dependency.name).is_some())
        // A crate may name itself to turn on a feature of its own in its tests.
        .filter(|dependency| dependency.name != name && !allowed.contains(&dependency.name.as_str()))
        .map(|dependency| {
            let kind = dependency.kind.as_deref().unwrap_or("normal");
            format!("{name} -> {} ({kind} dependency): {name} may name {}", dependency.name, listed(allowed))
        })
        .collect()
}

fn forbidden_libraries(metadata: &Metadata, package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some((_, allowed)) = PURE.iter().find(|(member, _)| *member == name) else {
        return Vec::new();
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .filter(|dependency| metadata.package(&dependency.name).is_none())
        .filter(|dependency| !allowed.contains(&dependency.name.as_str()))
        .map(|dependency| {
            format!("{name} -> {}: {name} is pure and is built from {} alone", dependency.name, listed(allowed))
        })
        .collect()
}

fn forbidden_features(metadata: &Metadata, package: &Package) -> Vec<String> {
    if package.name != BROWSER {
        return Vec::new();
    }
    package
        .dependencies
        .iter()
        .filter(|dependency| metadata.package(&dependency.name).is_some())
        .flat_map(|dependency| dependency.features.iter().map(move |feature| (dependency, feature)))
        .filter(|(_, feature)| NEVER_IN_THE_BROWSER.contains(&feature.as_str()))
        .map(|(dependency, feature)| {
            format!("{BROWSER} -> {} with the feature {feature}, which is the collector's", dependency.name)
        })
        .collect()
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no other member".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            manifest_path: format!("/w/{name}/Cargo.toml").into(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                    features: Vec::new(),
                })
                .collect(),
            targets: Vec::new(),
        }
    }

    fn workspace(changed: Package) -> Metadata {
        let mut packages = vec![
            package("waver-schema", &[("serde", None), ("serde_json", Some("dev"))]),
            package("waver-core", &[("waver-schema", None), ("libm", None)]),
            package("waver-policy", &[("waver-core", None), ("cel", None)]),
            package("waver-runtime", &[("waver-core", None), ("web-sys", None)]),
            package("waver-tests", &[("waver-runtime", Some("dev")), ("waver-policy", None)]),
        ];
        packages.retain(|package| package.name != changed.name);
        packages.push(changed);
        Metadata { packages, target_directory: "/w/target".into() }
    }

    #[test]
    fn the_arrows_of_the_design_pass() {
        let metadata = workspace(package("waver-core", &[("waver-schema", None), ("libm", None)]));
        assert_eq!(violations(&metadata), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_arrow_is_found_whatever_its_kind() {
        for kind in [None, Some("dev"), Some("build")] {
            let metadata = workspace(package("waver-runtime", &[("waver-policy", kind)]));
            let found = violations(&metadata);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("waver-runtime -> waver-policy"), "{found:?}");
        }
    }

    #[test]
    fn a_member_without_arrows_is_found() {
        let found = violations(&workspace(package("waver-common", &[])));
        assert!(found[0].contains("waver-common is a new member"), "{found:?}");
    }

    #[test]
    fn the_pure_crates_are_built_from_their_list_alone_but_tested_with_anything() {
        let metadata =
            workspace(package("waver-core", &[("waver-schema", None), ("proptest", Some("dev")), ("tokio", None)]));
        let found = violations(&metadata);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("waver-core -> tokio"), "{found:?}");
    }

    #[test]
    fn the_browser_never_gets_what_only_the_collector_needs() {
        let mut runtime = package("waver-runtime", &[("waver-core", None)]);
        runtime.dependencies[0].features = vec!["std".to_owned(), "collector".to_owned()];
        let found = violations(&workspace(runtime));
        assert_eq!(found, ["waver-runtime -> waver-core with the feature collector, which is the collector's"]);
    }

    /// The real workspace, so that `cargo test` alone already notices.
    #[test]
    fn the_workspace_itself_has_no_forbidden_arrow() {
        let environment = crate::environment::Environment::inherited();
        let workspace = crate::workspace::Workspace::locate(&environment).expect("workspace");
        assert_eq!(violations(&workspace.metadata), Vec::<String>::new());
    }
}
