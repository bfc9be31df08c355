//! Every field of a body, out of its schema.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

/// A field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Field {
    /// Where it stands; `[]` for every element of a list.
    pub(crate) path: String,
    /// What it says.
    pub(crate) what: String,
    /// What it may hold.
    pub(crate) holds: Holds,
}

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holds {
    /// One of these words.
    OneOf(BTreeSet<String>),
    /// A text of this form, a regular expression.
    Form(String),
    /// An integer.
    Integer,
    /// Yes or no.
    Flag,
    /// Anything. No field of ours does.
    Anything,
}

/// The fields of a body, by their paths.
pub(super) fn of(document: &Value, schema: &Value) -> Vec<Field> {
    let mut found = BTreeMap::new();
    walk(document, schema, "", "", &mut found);
    found.into_values().collect()
}

fn walk(document: &Value, schema: &Value, path: &str, what: &str, found: &mut BTreeMap<String, Field>) {
    let what = schema["description"].as_str().filter(|_| what.is_empty()).unwrap_or(what);
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        return target.into_iter().for_each(|target| walk(document, target, path, what, found));
    }
    let parts = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|keyword| schema[keyword].as_array()).flatten();
    let mut has_parts = false;
    for part in parts.filter(|part| part["type"] != "null") {
        has_parts = true;
        walk(document, part, path, what, found);
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(document, property, &path, "", found);
        }
    } else if let Some(items) = schema.get("items") {
        walk(document, items, &format!("{path}[]"), what, found);
    } else if !has_parts {
        enter(schema, path, what, found);
    }
}

fn enter(schema: &Value, path: &str, what: &str, found: &mut BTreeMap<String, Field>) {
    let is = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    };
    let words =
        schema["enum"].as_array().map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let holds = match (words, schema["pattern"].as_str()) {
        (Some(words), _) => Holds::OneOf(words),
        (_, Some(form)) => Holds::Form(form.to_owned()),
        _ if is("integer") => Holds::Integer,
        _ if is("boolean") => Holds::Flag,
        _ => Holds::Anything,
    };
    let field = Field { path: path.to_owned(), what: plain(what), holds };
    // Types of events have fields of the same name; what they may hold is what any of them may.
    match found.get_mut(path) {
        Some(Field { holds: Holds::OneOf(before), what, .. }) => {
            if let Holds::OneOf(more) = field.holds {
                before.extend(more);
            }
            if !what.contains(&field.what) {
                what.push_str(" / ");
                what.push_str(&field.what);
            }
        }
        Some(before) if before.what != field.what && !before.what.contains(&field.what) => {
            before.what.push_str(" / ");
            before.what.push_str(&field.what);
        }
        Some(_) => {}
        None => drop(found.insert(path.to_owned(), field)),
    }
}

/// Without the marks of documented code.
fn plain(text: &str) -> String {
    text.replace(['[', ']', '`'], "").replace("crate::", "").replace('\n', " ").trim_end_matches('.').to_owned()
}
