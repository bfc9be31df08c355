//! C21: what the collector was told of a shopper is gone from the memory of the running process, and so from its dumps and core files, once it was
//! erased and the connection is closed. Everything that the process may write to is searched, from outside.

use std::io::{Read, Seek, SeekFrom};

use serde_json::json;

use crate::erasure::erase;
use crate::harness::{ADMIN_TOKEN, Answer, Caller, batch, consent, decision_request, folder, view};
use crate::process::Process;

/// What a browser says of itself beside what it sends.
const AROUND: [(&str, &str); 4] = [
    ("user-agent", "Canary-Agent/7.7"),
    ("x-forwarded-for", "203.0.113.77"),
    ("accept-language", "x-canary-tongue"),
    ("cookie", "canary=crumbs-of-jane"),
];
/// The item that the shopper looked at: a hash, like any other, and nobody else's.
const ITEM: u64 = 7_391_573_915_739_157;

/// Everything in the memory of a process that it may write to; `None` where the system does not let a parent read its child's.
fn memory_of(process: u32) -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    let mut memory = std::fs::File::open(format!("/proc/{process}/mem")).ok()?;
    let mut all = Vec::new();
    for line in maps.lines() {
        let mut parts = line.split_whitespace();
        let (Some(range), Some(rights)) = (parts.next(), parts.next()) else { continue };
        let mut ends = range.split('-').filter_map(|end| u64::from_str_radix(end, 16).ok());
        if let (true, Some(begin), Some(end)) = (rights.starts_with("rw"), ends.next(), ends.next()) {
            memory.seek(SeekFrom::Start(begin)).ok()?;
            // What is reserved and not there cannot be read; the rest is.
            let _ = memory.by_ref().take(end - begin).read_to_end(&mut all);
        }
    }
    Some(all)
}

/// Which of the needles are in there, by name.
fn found<'n>(memory: &[u8], needles: &[(&'n str, Vec<u8>)]) -> Vec<&'n str> {
    let dump = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(dump.path(), memory).expect("writes");
    // By `grep`: a search without optimisation takes many seconds for each.
    let holds = |(_, needle): &&(&str, Vec<u8>)| {
        let pattern: String = needle.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let mut grep = std::process::Command::new("grep");
        grep.args(["-qaP", "-e", &pattern]).arg(dump.path()).env("LC_ALL", "C").status().expect("grep runs").success()
    };
    needles.iter().filter(holds).map(|(name, _)| *name).collect()
}

async fn send(caller: &Caller, path: &str, body: &serde_json::Value) -> Answer {
    let request = caller.request("POST", path).json(body);
    let request = AROUND.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn memory_holds_nothing_of_a_shopper_who_was_erased() {
    let folder = folder();
    let process = Process::start(folder.path()).await;
    let shopper = Caller::new(process.caller.url.clone());
    // Digits that no counter has.
    let id = "7e57ab1e0ddba11c0ffee5eaf00dfeed";
    let granted = send(&shopper, "/v1/consents", &consent(id, "granted", "granted")).await;
    let epoch = granted.body["consent_epoch"].as_u64().expect("an epoch");
    let seen = json!({"seq": 2, "t": 5, "type": "commerce", "action": "view_item", "item": ITEM, "quantity": 1});
    let unreadable = json!({"seq": 3, "t": 9, "type": "mind_reading", "item": ITEM});
    let told = send(&shopper, "/v1/events", &batch(id, epoch, [view(1), seen, unreadable])).await;
    assert_eq!((told.status, &told.body["accepted"]), (202, &json!(2)), "{}", told.body);
    assert_eq!(send(&shopper, "/v1/decisions", &decision_request(id, epoch)).await.status, 200);

    let bytes: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("digits")).collect();
    let mut needles = vec![("id", id.as_bytes().to_vec()), ("id in bytes", bytes), ("item", ITEM.to_string().into())];
    needles.extend(AROUND.map(|(name, value)| (name, value.as_bytes().to_vec())));
    let Some(memory) = memory_of(process.id()) else {
        eprintln!("left out: this system does not let a parent read its child's memory");
        return process.kill().await;
    };
    // The search finds what is there.
    assert_eq!(found(&memory, &[("token", ADMIN_TOKEN.into())]), ["token"]);
    println!("while the session lives: {:?}", found(&memory, &needles));

    // Whoever erases may be another, over another connection: a page that goes away.
    let eraser = Caller::new(process.caller.url.clone());
    erase(&eraser, id).await;
    drop((shopper, eraser));
    let mut left = Vec::new();
    let gone = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        loop {
            left = found(&memory_of(process.id()).expect("readable a moment ago"), &needles);
            if left.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    });
    let gone = gone.await.is_ok();
    assert!(gone, "still in memory: {left:?}");
    process.kill().await;
}
