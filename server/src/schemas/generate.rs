//! Schemas out of the types.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};
use waver_schema::{
    ApiError, Batch, BatchAnswer, ConsentAnswer, ConsentRecord, Decision, DecisionRequest, EraseAnswer, EraseRequest,
    MeRequest, SignedReceipt, WIRE_VERSION,
};

/// The schema of that name as the types are now.
pub(super) fn generate(name: &str, title: &str) -> Value {
    match name {
        "batch" => of::<Batch>(name, title),
        "batch-answer" => of::<BatchAnswer>(name, title),
        "consent" => of::<ConsentRecord>(name, title),
        "consent-answer" => of::<ConsentAnswer>(name, title),
        "decision-request" => of::<DecisionRequest>(name, title),
        "decision" => of::<Decision>(name, title),
        "erase" => of::<EraseRequest>(name, title),
        "erase-answer" => of::<EraseAnswer>(name, title),
        "receipt" => of::<SignedReceipt>(name, title),
        "me" => of::<MeRequest>(name, title),
        "error" => of::<ApiError>(name, title),
        _ => panic!("{name} is in the registry and has no type"),
    }
}

fn of<T: ToSchema>(name: &str, title: &str) -> Value {
    let mut referenced = Vec::new();
    T::schemas(&mut referenced);
    let mut definitions = Map::new();
    for (name, schema) in referenced {
        definitions.insert(name, serde_json::to_value(schema).expect("JSON"));
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("/v1/schemas/{name}/{WIRE_VERSION}"),
        "title": title,
    });
    let root = serde_json::to_value(<T as PartialSchema>::schema()).expect("JSON");
    let object = schema.as_object_mut().expect("an object");
    object.extend(root.as_object().expect("an object").clone());
    if !definitions.is_empty() {
        object.insert("$defs".to_owned(), Value::Object(definitions));
    }
    plain(&mut schema);
    schema
}

/// What OpenAPI says and JSON Schema says otherwise, and what is for readers of the code alone.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove("example");
            // The formats of OpenAPI are those of signed integers, and ours mostly have no sign.
            if object.remove("format").is_some_and(|format| format == "int32")
                && object.get("minimum") == Some(&json!(0))
                && !object.contains_key("maximum")
            {
                object.insert("maximum".to_owned(), json!(u32::MAX));
            }
            if let Some(Value::String(reference)) = object.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/$defs/");
            }
            if let Some(Value::String(description)) = object.get_mut("description") {
                *description =
                    description.replace("[`crate::", "`").replace("[`", "`").replace("`]", "`").replace('\n', " ");
            }
            object.values_mut().for_each(plain);
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        _ => {}
    }
}
