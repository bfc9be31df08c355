//! The real binary: killed, stopped, misconfigured, and searched for what it must not keep.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::harness::{ADMIN_TOKEN, Caller, batch, decision_request, eventually, files, folder, session, view};

const BINARY: &str = env!("CARGO_BIN_EXE_waver");

/// The collector in a process of its own. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) caller: Caller,
}

impl Process {
    pub(crate) async fn start(folder: &Path) -> Process {
        Process::start_with(folder, &[]).await
    }

    pub(crate) async fn start_with(folder: &Path, arguments: &[&str]) -> Process {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("stderr.log")).expect("a file");
        let mut child = tokio::process::Command::new(BINARY)
            .args(["serve", "--config"])
            .arg(folder.join("waver.toml"))
            .args(arguments)
            .env("WAVER__ADMIN__TOKEN", ADMIN_TOKEN)
            .env("WAVER__LOG__LEVEL", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut line).await.expect("reads");
        let url = line.trim().strip_prefix("waver listening on ");
        let url = url.unwrap_or_else(|| panic!("it said {line:?} and {}", log_of(folder)));
        Process { caller: Caller::new(url.to_owned()), child }
    }

    /// Its number in the system.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("runs")
    }

    /// SIGKILL: no goodbye.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("kills");
    }

    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().expect("runs").to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.child.wait().await.expect("ends").code()
    }
}

fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("stderr.log")).unwrap_or_default()
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(BINARY).args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).output().expect("runs")
}

fn serve(folder: &TempDir, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let config = folder.path().join("waver.toml");
    let output = run(&["serve", "--config", config.to_str().expect("text")], environment);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn kill_9_in_the_middle_of_posting_loses_nothing_that_was_acknowledged() {
    const SHOPPERS: u64 = 4;
    const ROUNDS: u64 = 3;
    let folder = folder();
    // Of each shopper: the last number that was acknowledged, and the epoch that was answered.
    let mut acknowledged = vec![(0_u64, 0_u64); SHOPPERS as usize];
    for round in 0..ROUNDS {
        let process = Process::start(folder.path()).await;
        let posters: Vec<_> = (0..SHOPPERS)
            .map(|shopper| {
                let caller = process.caller.clone();
                let shopper_id = session(shopper);
                let (mut last, mut epoch) = acknowledged[shopper as usize];
                tokio::spawn(async move {
                    if last == 0 {
                        epoch = caller.grant(&shopper_id).await;
                    }
                    // Until the kill: what has an answer is acknowledged, what has none is not.
                    loop {
                        let sent = batch(&shopper_id, epoch, [view(last + 1), view(last + 2)]);
                        let request = caller.request("POST", "/v1/events").json(&sent).send().await;
                        match request {
                            Ok(answer) => assert_eq!(answer.status(), 202),
                            Err(_) => return (last, epoch),
                        }
                        last += 2;
                    }
                })
            })
            .collect();
        let enough = (round + 1) * 200;
        eventually("some batches", async || {
            (process.caller.metric("waver_events_total", &["stored"]).await >= enough).then_some(())
        })
        .await;
        process.kill().await;
        for (poster, acknowledged) in posters.into_iter().zip(&mut acknowledged) {
            *acknowledged = poster.await.expect("no panic");
        }
    }

    let process = Process::start(folder.path()).await;
    let mut total = 0;
    for (shopper, (acknowledged, epoch)) in (0..SHOPPERS).zip(&acknowledged) {
        // Whatever was acknowledged is a duplicate now; the one batch without an answer may be either.
        let seqs: Vec<u64> = (1..=*acknowledged).collect();
        for some in seqs.chunks(60) {
            let sent = batch(&session(shopper), *epoch, some.iter().map(|seq| view(*seq)));
            let answer = process.caller.send("/v1/events", &sent).await;
            assert_eq!(
                answer.body,
                json!({"accepted": 0, "duplicate": some.len(), "rejected": []}),
                "shopper {shopper}"
            );
        }
        total += acknowledged;
    }
    let aggregates = process.caller.admin("/v1/aggregates").await;
    let stored = aggregates["total"]["events"].as_u64().expect("a count");
    assert!((total..=total + 2 * SHOPPERS * ROUNDS).contains(&stored), "{total} acknowledged, {stored} stored");
    assert!(total >= 600, "only {total} were acknowledged");
    process.kill().await;
}

#[tokio::test]
async fn sigterm_ends_it_cleanly_and_everything_is_there_again() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    let epoch = process.caller.grant(&session(1)).await;
    process.caller.send("/v1/events", &batch(&session(1), epoch, [view(1)])).await;
    assert_eq!(process.terminate().await, Some(0), "{}", log_of(folder.path()));
    let process = Process::start(folder.path()).await;
    assert_eq!(process.caller.admin("/v1/aggregates").await["total"]["events"], 1);
    assert_eq!(process.terminate().await, Some(0));
}

#[tokio::test]
async fn nothing_that_tells_who_it_was_is_kept_or_logged() {
    const AGENT: &str = "Canary-Agent/7.7";
    const ADDRESS: &str = "203.0.113.77";
    let folder = folder();
    // Behind a proxy, so that addresses are looked at, with so many requests that the last is refused, and everything logged.
    let behind_proxy = "[server]\ntrusted_proxies = [\"127.0.0.1\"]";
    let rest = "[log]\nlevel = \"debug\"\n[limits.rate]\nsource_requests = \"5/min\"";
    let config = crate::harness::CONFIG.replace("[server]", behind_proxy) + rest;
    std::fs::write(folder.path().join("waver.toml"), config).expect("writes");
    let process = Process::start(folder.path()).await;
    let canary = "cafe0123456789abcafe0123456789ab";
    let send = async |path: &str, body: &serde_json::Value| {
        let request = process.caller.request("POST", path).json(body).header("user-agent", AGENT);
        let request = request.header("x-forwarded-for", ADDRESS).header("accept-language", "canary-language");
        let request = request.header("sec-ch-ua", "\"Canary\";v=\"7\"").header("from", "canary@example.com");
        let request = request.header("signature-agent", "\"https://canary.example\"");
        request.header("referer", "https://shop.example/canary-page?q=canary-query").send().await.expect("an answer")
    };
    let granted = send("/v1/consents", &crate::harness::consent(canary, "granted", "granted")).await;
    let granted: serde_json::Value = granted.json().await.expect("JSON");
    let epoch = granted["consent_epoch"].as_u64().expect("an epoch");
    let mut sent = batch(canary, epoch, [view(1)]);
    sent["note"] = json!("canary-field");
    sent["events"][0]["note"] = json!("canary-field");
    assert_eq!(send("/v1/events", &sent).await.status(), 202);
    assert_eq!(send("/v1/decisions", &decision_request(canary, epoch)).await.status(), 200);
    assert_eq!(send("/v1/events?canary-query", &json!({"canary-key": canary})).await.status(), 422);
    assert_eq!(send("/canary-path", &json!({})).await.status(), 404);
    let mut dead = view(2);
    dead["navigation"] = json!("Canary");
    dead["canary-key"] = json!({"canary": "canary"});
    let answer = send("/v1/events", &batch(canary, epoch, [dead])).await;
    assert_eq!(answer.status(), 422);
    assert_eq!(process.caller.admin("/v1/dead-letters").await["letters"].as_array().map(Vec::len), Some(1));
    assert_eq!(send("/v1/events", &sent).await.status(), 429);
    assert_eq!(process.terminate().await, Some(0));

    let raw_session: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&canary[2 * at..2 * at + 2], 16).expect("hex")).collect();
    let mut searched = files(&folder.path().join("data"));
    assert!(searched.iter().any(|path| path.ends_with("waver.keys")) && searched.len() > 2, "{searched:?}");
    searched.push(folder.path().join("stderr.log"));
    for path in searched {
        let bytes = std::fs::read(&path).expect("reads");
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
        for needle in
            [canary.as_bytes(), &raw_session, b"canary", b"127.0.0.1:5", ADDRESS.as_bytes(), ADMIN_TOKEN.as_bytes()]
        {
            assert!(!holds(needle), "{} is in {}", String::from_utf8_lossy(needle), path.display());
        }
        if path.ends_with("stderr.log") {
            assert!(holds(b"route=\"/v1/events\"") && holds(b"status=202"), "the log should tell of requests");
        }
    }
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_collector() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    let (code, message) = serve(&folder, &[]);
    assert_eq!(code, Some(69), "{message}");
    assert!(message.contains("in use by another collector"), "{message}");
    process.kill().await;
}

#[cfg(unix)]
#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let folder = folder();
    let binary = folder.path().join("waver");
    std::fs::copy(BINARY, &binary).expect("copies");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("makes");
    for (path, mode) in [(folder.path(), 0o755), (&binary, 0o755), (&data, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("sets");
    }
    let mut command = Command::new(&binary);
    command.args(["serve", "--config"]).arg(folder.path().join("waver.toml")).current_dir("/");
    // Permissions do not hold root up, so root steps down.
    if Command::new("id").arg("-u").output().expect("runs").stdout == b"0\n" {
        command.uid(NOBODY);
    }
    let output = command.output().expect("runs");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(73), "{message}");
    assert!(message.contains("cannot use the data folder") && message.contains("Permission denied"), "{message}");
}

#[test]
fn each_kind_of_mistake_has_its_exit_code_and_says_what_to_do() {
    let folder = folder();
    let config = folder.path().join("waver.toml");
    let config = config.to_str().expect("text");
    for (arguments, environment, code, says) in [
        (&["fly"][..], &[][..], 64, "fly"),
        (&["serve", "--listen", "x"], &[], 64, "--listen"),
        (&["serve", "--config", "/nowhere/waver.toml"], &[], 78, "/nowhere/waver.toml"),
        (&["check", "--config", config], &[("WAVER__LIMITS__QUEUES", "7")], 78, "queues"),
        (
            &["serve", "--config", config],
            &[("WAVER__SERVER__LISTEN", "203.0.113.7:1")],
            69,
            "cannot listen on 203.0.113.7:1",
        ),
        (&["check", "--config", config], &[("WAVER__SITES__DEMO__OFFERS", "waver.toml")], 65, "waver.toml:"),
        (&["serve", "--config", config], &[("WAVER__SITES__DEMO__OFFERS", "missing.toml")], 65, "missing.toml"),
    ] {
        let output = run(arguments, environment);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(message.contains(says), "{arguments:?}: {message}");
    }
    let checked = run(&["check", "--config", config], &[]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        said.contains("site demo: policy ") && said.contains("offers.toml:7: offer `ten-percent`: 10 % off in cart"),
        "{said}"
    );
    assert!(said.contains("offers.toml:16: offer `ten-percent`: to whom: "), "{said}");
    assert_eq!(run(&["version"], &[]).stdout, format!("waver {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}
