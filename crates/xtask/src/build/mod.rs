//! `cargo xtask build`: everything that a browser loads, from `www/` and the wasm crate into `dist/`, after the recipe in
//! `wasm-pack.toml`. A part whose inputs did not change is not built again. [`binaries`] builds the native programs.

pub(crate) mod binaries;
mod es_package;
mod files;
mod packing;
mod pages;
mod script_tag;
mod sizes;
mod stamp;
mod wasm_pack;

use anyhow::{Context, Result, bail};

use crate::arguments::{BuildOptions, SetupOptions};
use crate::environment::Environment;
use crate::progress::Progress;
use crate::recipe::{Profile, Recipe};
use crate::setup;
use crate::workspace::Workspace;
use files::Inputs;
use stamp::Stamps;

/// What every part of the build needs to know.
struct Build<'a> {
    workspace: &'a Workspace,
    environment: &'a Environment,
    recipe: &'a Recipe,
    profile: Profile,
    stamps: Stamps,
}

/// # Errors
/// A tool is missing, a part cannot be built, or a size is over its budget.
pub(crate) fn command(workspace: &Workspace, environment: Environment, options: &BuildOptions) -> Result<()> {
    let machine = setup::ensure(workspace, environment, &SetupOptions::default())?;
    machine.require_build_tools()?;
    run(workspace, &machine.environment, options.profile)
}

/// Builds on a machine that has the tools.
///
/// # Errors
/// A part cannot be built, or a size is over its budget.
pub(crate) fn run(workspace: &Workspace, environment: &Environment, profile: Profile) -> Result<()> {
    let recipe = Recipe::load(&workspace.root)?;
    let build = Build {
        workspace,
        environment,
        recipe: &recipe,
        profile,
        stamps: Stamps::in_folder(workspace.target().join("xtask-stamps")),
    };
    let mut progress = Progress::new("build", 2 + recipe.pages.len());

    let step = progress.step("browser module");
    let inputs = build.module_inputs()?;
    let fresh = build.stamps.is_fresh("module", &inputs);
    if !fresh {
        step.doing("wasm-pack for the script tag");
        let mut outputs = packing::pack(&build, script_tag::build(&build)?)?;
        step.doing("wasm-pack for bundlers");
        outputs.extend(es_package::build(&build)?);
        build.stamps.record("module", &inputs, &outputs)?;
    }
    step.done(if fresh { "unchanged" } else { "built" });

    for (name, pages) in &recipe.pages {
        let step = progress.step("pages");
        let inputs = build.page_inputs(pages)?;
        let fresh = build.stamps.is_fresh(name, &inputs);
        if !fresh {
            let mut outputs = pages::build(&build, pages)?;
            if pages.packed {
                outputs = packing::pack(&build, outputs)?;
            }
            build.stamps.record(name, &inputs, &outputs)?;
        }
        step.done(&format!("{name} {}", if fresh { "unchanged" } else { "built" }));
    }

    let step = progress.step("sizes");
    let measured = sizes::measure(&build)?;
    step.done("measured");
    println!("\n{}\n", sizes::table(&measured, &recipe.budget));
    if profile == Profile::Release {
        let over = sizes::over_budget(&measured, &recipe.budget)?;
        if !over.is_empty() {
            bail!("over the size budget of wasm-pack.toml:\n  {}", over.join("\n  "));
        }
    }
    Ok(())
}

impl Build<'_> {
    /// Everything that the browser module is made from.
    fn module_inputs(&self) -> Result<Inputs> {
        let root = &self.workspace.root;
        let crate_folder = root.join(&self.recipe.crate_folder);
        let metadata = &self.workspace.metadata;
        let package = metadata.package_in(&crate_folder)?;
        let mut inputs = self.tool_inputs()?;
        for member in metadata.built_from(package) {
            inputs.tree(member.folder())?;
        }
        for file in ["Cargo.toml", "Cargo.lock"] {
            inputs.file(&root.join(file))?;
        }
        inputs.tree(&root.join(&self.recipe.es_package.template))?;
        inputs.file(&root.join(&self.recipe.script_tag.loader))?;
        for program in ["rustc", "wasm-bindgen", "wasm-pack"] {
            let version =
                crate::process::capture(self.environment.command(program).arg("--version").current_dir(&crate_folder))?;
            inputs.text(&version);
        }
        Ok(inputs)
    }

    fn page_inputs(&self, pages: &crate::recipe::Pages) -> Result<Inputs> {
        let mut inputs = self.tool_inputs()?;
        inputs.tree(&self.workspace.root.join(&pages.source))?;
        Ok(inputs)
    }

    /// What every part depends on: the recipe, the npm packages, and this program itself.
    fn tool_inputs(&self) -> Result<Inputs> {
        let root = &self.workspace.root;
        let mut inputs = Inputs::default();
        inputs.text(self.recipe.cargo_profile(self.profile));
        inputs.file(&root.join(crate::recipe::FILE))?;
        inputs.file(&root.join("www/package-lock.json"))?;
        inputs.tree(&root.join("crates/xtask/src/build"))?;
        Ok(inputs)
    }

    /// Version of the package, as in `Cargo.toml`.
    fn package_version(&self) -> Result<&str> {
        let folder = self.workspace.root.join(&self.recipe.crate_folder);
        let package =
            self.workspace.metadata.package_in(&folder).context("the recipe names a crate that is not there")?;
        Ok(&package.version)
    }
}
