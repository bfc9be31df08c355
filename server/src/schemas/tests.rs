use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use waver_schema::WIRE_VERSION;

use super::generate::generate;
use super::shape::Schema;
use super::*;

/// Whether it goes from the browser to the collector. Then the new must take what the old took; the other way round the old must take
/// what the new gives.
fn is_request(name: &str) -> bool {
    ["batch", "consent", "decision-request"].contains(&name)
}

fn expect_compatible(name: &str, before: &Value, now: &Value) -> Result<(), String> {
    let (before, now) = (Schema::of(before), Schema::of(now));
    now.expect_fields_of(&before, name)?;
    if is_request(name) { before.expect_within(&now, name) } else { now.expect_within(&before, name) }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/schema/schemas")
}

fn published(schema: &Published) -> Value {
    serde_json::from_str(schema.text).expect("JSON")
}

#[test]
fn what_is_published_is_what_the_types_say_and_breaks_nobody() {
    let rewrites = std::env::var_os("WAVER_REWRITE_SCHEMAS").is_some();
    for schema in REGISTRY {
        let (before, now) = (published(schema), generate(schema.name, schema.title));
        let is_new = before == json!({});
        if !is_new {
            let broken =
                "this breaks whom version {} was given to; raise WIRE_VERSION and add a folder for the new one";
            if let Err(why) = expect_compatible(schema.name, &before, &now) {
                panic!("{why}\n{}", broken.replace("{}", &schema.version.to_string()));
            }
        }
        if schema.version < WIRE_VERSION || before == now {
            continue; // what is past stays as it is
        }
        let path = folder().join(format!("v{}/{}.json", schema.version, schema.name));
        assert!(
            rewrites,
            "{} is not what the types say; WAVER_REWRITE_SCHEMAS=1 cargo test -p waver schemas",
            path.display()
        );
        let text = serde_json::to_string_pretty(&now).expect("JSON");
        std::fs::write(&path, text + "\n").expect("writes");
    }
}

#[test]
fn every_file_is_published_and_every_version_has_all() {
    for version in 1..=WIRE_VERSION {
        let of_version = REGISTRY.iter().filter(|schema| schema.version == version).map(|schema| schema.name);
        let mut names: Vec<String> = of_version.map(|name| format!("{name}.json")).collect();
        let files = std::fs::read_dir(folder().join(format!("v{version}"))).expect("lists");
        let mut found: Vec<String> =
            files.map(|file| file.expect("lists").file_name().into_string().expect("a name")).collect();
        names.sort();
        found.sort();
        assert_eq!(found, names);
    }
}

/// The bodies that versions before wrote, by what they are.
fn fixtures() -> Vec<(String, u16, String)> {
    let mut fixtures = Vec::new();
    for version in 1..=WIRE_VERSION {
        let folder = folder().join(format!("../tests/wire/v{version}"));
        for file in std::fs::read_dir(folder).expect("lists") {
            let path = file.expect("lists").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            let name = stem.split_once('.').map_or(stem, |(name, _)| name).to_owned();
            fixtures.push((name, version, std::fs::read_to_string(&path).expect("reads")));
        }
    }
    fixtures
}

#[test]
fn the_schemas_take_what_every_version_wrote() {
    let fixtures = fixtures();
    for (name, version, text) in &fixtures {
        let body: Value = serde_json::from_str(text).expect("JSON");
        let own = find(name, *version).expect("published");
        assert!(Schema::of(&published(own)).takes(&body), "{name} of version {version}: {text}");
        if is_request(name) {
            assert!(Schema::of(&generate(name, "")).takes(&body), "{name} of version {version} today: {text}");
        }
    }
    for name in ["batch", "consent", "decision-request", "decision"] {
        assert!(fixtures.iter().any(|(of, ..)| of == name), "a fixture of {name}");
    }
}

/// Takes a word out of a list.
fn without(list: &mut Value, word: &str) {
    list.as_array_mut().expect("a list").retain(|one| one != word);
}

/// What a change of that schema would break.
fn changed(name: &str, pointer: &str, change: impl FnOnce(&mut Value)) -> Result<(), String> {
    let before = generate(name, "");
    let mut now = before.clone();
    change(now.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} of {before}")));
    assert_ne!(before, now, "{pointer}");
    expect_compatible(name, &before, &now)
}

#[test]
fn every_kind_of_breaking_change_is_noticed() {
    let batch = |pointer: &str, change: fn(&mut Value)| changed("batch", pointer, change);
    let view = "/$defs/EventBody/oneOf/0";
    let remove =
        |key: &'static str| move |object: &mut Value| drop(object.as_object_mut().expect("an object").remove(key));
    let push = |text: &'static str| move |list: &mut Value| list.as_array_mut().expect("a list").push(json!(text));
    // Requests: what the old sent, the new must take.
    for (why, result) in [
        ("the field is gone", changed("batch", "/properties", remove("sent_at"))),
        ("the field is gone", changed("batch", &format!("{view}/properties"), remove("item"))),
        ("is required", changed("batch", &format!("{view}/required"), push("item"))),
        ("is required", changed("decision-request", "/required", push("locale"))),
        ("is not within", batch("/$defs/Milli/maximum", |maximum| *maximum = json!(100))),
        ("is not taken", batch("/properties/sent_at/type", |kind| *kind = json!("string"))),
        ("\"cart\" is not taken", batch("/$defs/PageType/enum", |words| without(words, "cart"))),
        (
            "is not taken",
            batch("/$defs/EventBody/oneOf", |kinds| drop(kinds.as_array_mut().map(|list| list.remove(3)))),
        ),
        ("is not taken", batch("/$defs/SiteKey/pattern", |pattern| *pattern = json!("^[a-z]$"))),
        ("elements are more", batch("/properties/events", |list| list["maxItems"] = json!(1))),
    ] {
        let error = result.expect_err(why);
        assert!(error.contains(why), "{error} should say that it {why}");
    }
    // Answers: what the new gives, the old must take.
    for (why, result) in [
        ("the field is gone", changed("decision", "/properties", remove("reason"))),
        ("is required", changed("decision", "/required", |list| without(list, "arm"))),
        ("\"a_new_word\" is not taken", changed("decision", "/$defs/DecisionReason/enum", push("a_new_word"))),
        (
            "null is not taken",
            changed("decision", "/properties/policy", |policy| policy["type"] = json!(["string", "null"])),
        ),
    ] {
        let error = result.expect_err(why);
        assert!(error.contains(why), "{error} should say that it {why}");
    }
}

#[test]
fn what_adds_and_widens_breaks_nobody() {
    let view = "/$defs/EventBody/oneOf/0";
    let add = |key: &'static str| move |object: &mut Value| object[key] = json!({"type": "integer", "minimum": 0});
    let push = |text: &'static str| move |list: &mut Value| list.as_array_mut().expect("a list").push(json!(text));
    for result in [
        changed("batch", &format!("{view}/properties"), add("scrolls")),
        changed("batch", "/$defs/PageType/enum", push("lookbook")),
        changed("batch", "/$defs/Milli/maximum", |maximum| *maximum = json!(2000)),
        changed("batch", "/required", |list| without(list, "sent_at")),
        changed("decision", "/properties", add("rank")),
        changed("decision", "/$defs/DecisionReason/enum", |words| drop(words.as_array_mut().map(|list| list.pop()))),
    ] {
        assert_eq!(result, Ok(()));
    }
}
