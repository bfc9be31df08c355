//! `cargo xtask demo`: from a bare machine to a shop with a live dashboard, until Ctrl-C.

mod admin_token;
mod children;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::arguments::{DemoOptions, Purpose, SetupOptions};
use crate::build;
use crate::environment::Environment;
use crate::progress::Progress;
use crate::recipe::Profile;
use crate::setup;
use crate::workspace::Workspace;
use children::{Children, Ended};

const COLLECTOR: &str = "127.0.0.1:7070";
const SHOP: &str = "127.0.0.1:8080";
const SEED: &str = "7";
const CONFIGURATION: &str = "server/demo/waver.toml";
/// An old store replays its log first.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting.
const POLL: Duration = Duration::from_millis(50);

/// # Errors
/// A port is taken, something cannot be built, or a part of the demo died.
pub(crate) fn command(workspace: &Workspace, environment: Environment, options: &DemoOptions) -> Result<()> {
    // First, so that nobody waits ten minutes to be told.
    check_ports()?;
    let machine = setup::ensure(workspace, environment, &SetupOptions { purpose: Purpose::Demo, yes: options.yes })?;
    machine.require_build_tools()?;
    let environment = &machine.environment;
    build::run(workspace, environment, Profile::Release)?;
    let step = Progress::new("demo", 1).step("collector and shoppers");
    step.doing("cargo build");
    let binaries = build::binaries::build(workspace, environment, options.release)?;
    step.done("built");

    let data = match &options.data {
        Some(folder) => std::path::absolute(folder)?,
        None => workspace.target().join("demo-data"),
    };
    std::fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let token = admin_token::of_folder(&data)?;
    let stop = stop_signal()?;

    check_ports()?;
    let mut children = Children::in_folder(&data);
    children.start("collector", &mut collector(workspace, environment, &binaries, &data, &token))?;
    let open = wait_until_ready(&mut children, &stop, "collector", &format!("http://{COLLECTOR}/readyz"))?;
    if !open {
        return Ok(());
    }
    children.start("shop", &mut shop(workspace, environment, &binaries))?;
    let open = wait_until_ready(&mut children, &stop, "shop", &format!("http://{SHOP}/"))?;
    if !open {
        return Ok(());
    }
    if !options.no_shoppers {
        children.start("shoppers", &mut shoppers(environment, &binaries))?;
    }
    println!("{}", addresses(workspace, &data, &token));

    loop {
        if stop.recv_timeout(POLL).is_ok() {
            println!("\nstopping ...");
            children.stop()?;
            println!("stopped");
            return Ok(());
        }
        match children.ended()? {
            None => {}
            Some(Ended { name, status, .. }) if name == "shoppers" && status.success() => {
                println!("the shoppers are done; the shop stays open");
            }
            Some(ended) => {
                children.stop()?;
                bail!("{}", ended.report());
            }
        }
    }
}

fn check_ports() -> Result<()> {
    for (address, what) in [(COLLECTOR, "collector"), (SHOP, "shop")] {
        if let Err(error) = TcpListener::bind(address) {
            bail!(
                "the {what} needs {address}, which cannot be had ({error}). Perhaps another demo runs: stop it with Ctrl-C, \
                 or find the program with `ss -ltnp` and stop that"
            );
        }
    }
    Ok(())
}

fn collector(workspace: &Workspace, environment: &Environment, binaries: &Path, data: &Path, token: &str) -> Command {
    let mut command = environment.command(binaries.join("waver"));
    command
        .args(["serve", "--config"])
        .arg(workspace.root.join(CONFIGURATION))
        .env("WAVER__ADMIN__TOKEN", token)
        .env("WAVER__SERVER__LISTEN", COLLECTOR)
        .env("WAVER__SERVER__DATA_DIR", data.join("collector"))
        .current_dir(&workspace.root);
    command
}

fn shop(workspace: &Workspace, environment: &Environment, binaries: &Path) -> Command {
    let mut command = environment.command(binaries.join("waver-sim"));
    command
        .args(["shop", "--dir", "dist/shop", "--listen", SHOP])
        .args(["--collector", &format!("http://{COLLECTOR}")])
        .current_dir(&workspace.root);
    command
}

fn shoppers(environment: &Environment, binaries: &Path) -> Command {
    let mut command = environment.command(binaries.join("waver-sim"));
    command.args(["shoppers", "--collector", &format!("http://{COLLECTOR}")]).args(["--site", "demo", "--seed", SEED]);
    command
}

/// Whether a child answers; `false` if a person stopped the demo first, and then all are stopped.
fn wait_until_ready(children: &mut Children, stop: &Receiver<()>, name: &str, url: &str) -> Result<bool> {
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        let ready = minreq::get(url).with_timeout(1).send().is_ok_and(|answer| answer.status_code == 200);
        if ready {
            return Ok(true);
        }
        if let Some(ended) = children.ended()? {
            bail!("{}", ended.report());
        }
        if Instant::now() > deadline {
            children.stop()?;
            bail!(
                "the {name} was not ready after {} s; its log is {}",
                READY_LIMIT.as_secs(),
                children.log(name).display()
            );
        }
        if stop.recv_timeout(POLL).is_ok() {
            children.stop()?;
            return Ok(false);
        }
    }
}

/// Hears Ctrl-C, SIGTERM and SIGHUP from here on.
fn stop_signal() -> Result<Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = sender.send(());
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(receiver)
}

fn addresses(workspace: &Workspace, data: &Path, token: &str) -> String {
    format!(
        "\n  shop       http://{SHOP}/\n  dashboard  http://{COLLECTOR}/dashboard\n  token      {token}\n             \
         (to sign in to the dashboard; kept in {})\n\n\
         Single shoppers are shown here: the demo has `release.k = 0`. A real shop keeps the default of 20, and sees no\n\
         number that fewer than 20 sessions stand behind.\n\nCtrl-C stops all of it. Logs are in {}.\n",
        workspace.shown(&admin_token::file(data)),
        workspace.shown(data)
    )
}
