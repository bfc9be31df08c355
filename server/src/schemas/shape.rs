//! What a schema takes, plain enough to be compared: alternatives without references, and objects without parts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One alternative of a schema.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Null,
    Boolean,
    Number,
    Integer { minimum: Option<i64>, maximum: Option<i64> },
    Text(Text),
    List { items: Box<Schema>, most: Option<u64> },
    Object(Object),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Text {
    Any { most: Option<u64> },
    Words(BTreeSet<String>),
    Pattern(String),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object {
    properties: BTreeMap<String, Schema>,
    required: BTreeSet<String>,
}

/// The alternatives of which a value has to be one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schema(Vec<Shape>);

/// Keywords that say something, and are understood here. A test of the published schemas meets every other one with a panic, so that
/// nothing is compared that is not understood.
const KEYWORDS: &[&str] = &[
    "type",
    "properties",
    "required",
    "enum",
    "items",
    "maxItems",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
    "oneOf",
    "allOf",
    "$ref",
];
/// Keywords that say nothing of what is taken.
const REMARKS: &[&str] = &["$schema", "$id", "$defs", "title", "description", "format", "default"];

impl Schema {
    /// Reads a whole document.
    pub(super) fn of(document: &Value) -> Schema {
        Schema::read(document, document)
    }

    fn read(document: &Value, schema: &Value) -> Schema {
        let object = schema.as_object().expect("a schema is an object");
        for keyword in object.keys().map(String::as_str) {
            assert!(KEYWORDS.contains(&keyword) || REMARKS.contains(&keyword), "{keyword} is not understood");
        }
        if let Some(Value::String(reference)) = schema.get("$ref") {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            return Schema::read(document, document.pointer(pointer).expect("a reference leads somewhere"));
        }
        let list = |keyword| schema.get(keyword).and_then(Value::as_array);
        if let Some(alternatives) = list("oneOf") {
            return Schema(alternatives.iter().flat_map(|one| Schema::read(document, one).0).collect());
        }
        if let Some(parts) = list("allOf") {
            return parts.iter().map(|part| Schema::read(document, part)).reduce(Schema::with).expect("parts");
        }
        let types = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => vec![one.as_str().expect("a type")],
        };
        Schema(types.into_iter().map(|name| Shape::read(document, schema, name)).collect())
    }

    /// Objects that are both: each alternative of one with each of the other.
    fn with(self, other: Schema) -> Schema {
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |other| (one, other)));
        let both = pairs.map(|pair| match pair {
            (Shape::Object(one), Shape::Object(other)) => {
                let mut both = one.clone();
                both.properties.extend(other.properties.clone());
                both.required.extend(other.required.clone());
                Shape::Object(both)
            }
            _ => panic!("only objects have parts"),
        });
        Schema(both.collect())
    }

    /// Whether a value is of this schema. Fields that it does not have are let pass, as readers do.
    pub(super) fn takes(&self, value: &Value) -> bool {
        self.0.iter().any(|shape| shape.takes(value))
    }

    /// Where something that is of this schema would not be of `other`.
    ///
    /// # Errors
    /// The place, and why.
    pub(super) fn expect_within(&self, other: &Schema, place: &str) -> Result<(), String> {
        self.0.iter().try_for_each(|shape| {
            let tries: Vec<_> = other.0.iter().map(|of_other| shape.expect_within(of_other, place)).collect();
            if tries.iter().any(Result::is_ok) {
                return Ok(());
            }
            // The alternative that was meant is the one with the same tag, or at least of the same kind.
            let meant = other.0.iter().position(|of_other| shape.has_tag_of(of_other));
            let error = meant.and_then(|meant| tries.into_iter().nth(meant)).and_then(Result::err);
            Err(error.unwrap_or_else(|| format!("{place}: {} is not taken", shape.name())))
        })
    }

    /// Where a field of `before` is missing here.
    ///
    /// # Errors
    /// The place.
    pub(super) fn expect_fields_of(&self, before: &Schema, place: &str) -> Result<(), String> {
        before.0.iter().try_for_each(|shape| {
            let Some(meant) = self.0.iter().find(|now| now.has_tag_of(shape)) else { return Ok(()) };
            match (meant, shape) {
                (Shape::Object(now), Shape::Object(before)) => {
                    before.properties.iter().try_for_each(|(key, schema)| {
                        let place = format!("{place}.{key}");
                        let kept = now.properties.get(key).ok_or_else(|| format!("{place}: the field is gone"))?;
                        kept.expect_fields_of(schema, &place)
                    })
                }
                (Shape::List { items: now, .. }, Shape::List { items: before, .. }) => {
                    now.expect_fields_of(before, &format!("{place}[]"))
                }
                _ => Ok(()),
            }
        })
    }
}

impl Shape {
    fn read(document: &Value, schema: &Value, name: &str) -> Shape {
        match name {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "number" => Shape::Number,
            "integer" => Shape::Integer { minimum: schema["minimum"].as_i64(), maximum: schema["maximum"].as_i64() },
            "string" => Shape::Text(match (schema["enum"].as_array(), schema["pattern"].as_str()) {
                (Some(words), None) => Text::Words(words.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
                (None, Some(pattern)) => Text::Pattern(pattern.to_owned()),
                (None, None) => Text::Any { most: schema["maxLength"].as_u64() },
                _ => panic!("words and a pattern at once"),
            }),
            "array" => Shape::List {
                items: Box::new(Schema::read(document, &schema["items"])),
                most: schema["maxItems"].as_u64(),
            },
            "object" => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                let properties =
                    properties.map(|(key, schema)| (key.clone(), Schema::read(document, schema))).collect();
                let required = schema["required"].as_array().into_iter().flatten();
                let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
                Shape::Object(Object { properties, required })
            }
            _ => panic!("{name} is no type"),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Shape::Null => "null",
            Shape::Boolean => "a boolean",
            Shape::Number => "a number",
            Shape::Integer { .. } => "an integer",
            Shape::Text(_) => "a text",
            Shape::List { .. } => "a list",
            Shape::Object(_) => "an object",
        }
    }

    fn has_tag_of(&self, other: &Shape) -> bool {
        match (self, other) {
            (Shape::Object(one), Shape::Object(other)) => {
                let tag = |object: &Object| object.properties.get("type").cloned();
                tag(one) == tag(other)
            }
            _ => self.name() == other.name(),
        }
    }

    fn takes(&self, value: &Value) -> bool {
        match (self, value) {
            (Shape::Null, Value::Null) | (Shape::Boolean, Value::Bool(_)) | (Shape::Number, Value::Number(_)) => true,
            (Shape::Integer { minimum, maximum }, Value::Number(number)) => number.as_i64().is_some_and(|number| {
                minimum.is_none_or(|minimum| number >= minimum) && maximum.is_none_or(|maximum| number <= maximum)
            }),
            (Shape::Text(Text::Words(words)), Value::String(text)) => words.contains(text),
            (Shape::Text(Text::Any { most: Some(most) }), Value::String(text)) => text.chars().count() as u64 <= *most,
            (Shape::Text(_), Value::String(_)) => true, // patterns are the types' own tests
            (Shape::List { items, most }, Value::Array(list)) => {
                most.is_none_or(|most| list.len() as u64 <= most) && list.iter().all(|value| items.takes(value))
            }
            (Shape::Object(object), Value::Object(fields)) => {
                object.required.iter().all(|key| fields.contains_key(key))
                    && fields
                        .iter()
                        .all(|(key, value)| object.properties.get(key).is_none_or(|schema| schema.takes(value)))
            }
            _ => false,
        }
    }

    fn expect_within(&self, other: &Shape, place: &str) -> Result<(), String> {
        let fail = |why: String| Err(format!("{place}: {why}"));
        match (self, other) {
            (Shape::Null, Shape::Null)
            | (Shape::Boolean, Shape::Boolean)
            | (Shape::Number | Shape::Integer { .. }, Shape::Number)
            | (Shape::Text(_), Shape::Text(Text::Any { most: None })) => Ok(()),
            (Shape::Text(Text::Any { most }), Shape::Text(Text::Any { most: Some(limit) })) => match most {
                Some(most) if most <= limit => Ok(()),
                _ => fail(format!("{most:?} characters are more than {limit}")),
            },
            (Shape::Integer { minimum, maximum }, Shape::Integer { minimum: least, maximum: most }) => {
                if least.is_some_and(|least| minimum.is_none_or(|minimum| minimum < least))
                    || most.is_some_and(|most| maximum.is_none_or(|maximum| maximum > most))
                {
                    return fail(format!("{minimum:?}..={maximum:?} is not within {least:?}..={most:?}"));
                }
                Ok(())
            }
            (Shape::Text(Text::Words(words)), Shape::Text(Text::Words(taken))) => {
                match words.difference(taken).next() {
                    Some(word) => fail(format!("the word {word:?} is not taken")),
                    None => Ok(()),
                }
            }
            (Shape::Text(Text::Pattern(pattern)), Shape::Text(Text::Pattern(taken))) if pattern == taken => Ok(()),
            (Shape::List { items, most }, Shape::List { items: taken, most: limit }) => {
                if limit.is_some_and(|limit| most.is_none_or(|most| most > limit)) {
                    return fail(format!("{most:?} elements are more than {limit:?}"));
                }
                items.expect_within(taken, &format!("{place}[]"))
            }
            (Shape::Object(one), Shape::Object(other)) => {
                if let Some(key) = other.required.difference(&one.required).next() {
                    return fail(format!("{key:?} is required"));
                }
                one.properties.iter().try_for_each(|(key, schema)| {
                    let of_other = other.properties.get(key);
                    of_other.map_or(Ok(()), |of_other| schema.expect_within(of_other, &format!("{place}.{key}")))
                })
            }
            _ => fail(format!("{} is not taken for {}", self.name(), other.name())),
        }
    }
}
