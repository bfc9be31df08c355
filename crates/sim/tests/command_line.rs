//! `waver-sim` as people and programs start it: what it says, and how it ends.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn waver_sim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waver-sim"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    waver_sim(arguments).output().expect("starts")
}

/// Asserts how a run ends, and that its message says `words`.
fn expect(arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
    assert!(words.iter().all(|word| message.contains(word)), "{arguments:?}: {message}");
}

fn terminate(child: &Child) {
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
}

fn storefront() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("index.html"), "<!doctype html>").expect("write");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of characters")
}

/// An address of loopback where nobody listens.
fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn the_shop_says_where_it_listens_and_closes_cleanly() {
    let folder = storefront();
    let mut shop = waver_sim(&["shop", "--listen", "127.0.0.1:0", "--dir", text(folder.path())])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(shop.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("shop listening on http://").expect(&line);
    std::net::TcpStream::connect(address).expect("it listens");
    terminate(&shop);
    assert_eq!(shop.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_shop_that_cannot_open_says_what_to_do() {
    let folder = storefront();
    expect(&["shop", "--dir", "/nowhere"], 66, &["/nowhere", "cargo xtask build"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    expect(&["shop", "--dir", text(folder.path()), "--listen", &address], 69, &[&address, "is taken", "--listen"]);
}

#[test]
fn shoppers_who_cannot_come_say_what_to_do() {
    let collector = format!("http://{}", closed_address());
    expect(&["shoppers", "--collector", &collector], 69, &["no collector answers", &collector, "waver serve"]);
    expect(&["shoppers", "--clickstream", "/nowhere.csv.gz"], 66, &["/nowhere.csv.gz"]);
    let folder = storefront();
    let page = folder.path().join("index.html");
    expect(&["shoppers", "--clickstream", text(&page)], 65, &["index.html"]);
}

#[test]
fn a_wrong_command_line_is_explained() {
    expect(&[], 64, &["shoppers", "shop"]);
    expect(&["shoppers", "--collector", "127.0.0.1:7070"], 64, &["http://127.0.0.1:7070"]);
    expect(&["shoppers", "--rate", "0"], 64, &["from 0.1 to 60000"]);
    expect(&["shoppers", "--site", "My Shop"], 64, &["a-z"]);
    assert!(run(&["--help"]).status.success());
}
