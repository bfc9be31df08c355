//! JSON as it travels.

use serde::Serialize;

/// The JSON of what goes to the collector: integers, enums and identifiers, so that neither floats nor escapes are ever written.
pub(crate) fn json(value: &impl Serialize) -> String {
    // The types of the schema have no maps and nothing else that JSON could not say.
    serde_json::to_string(value).unwrap_or_default()
}
