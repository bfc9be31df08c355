//! The registry: the JSON Schema of every version of what goes over the wire.
//!
//! The files stand in `crates/schema/schemas/v{version}/` and are generated from the types. A test keeps them equal;
//! `WAVER_REWRITE_SCHEMAS=1 cargo test -p waver schemas` writes them anew, but not if the change would break whom they were given to. Then
//! the change needs a version of its own: raise `waver_schema::WIRE_VERSION`, begin its files as `{}`, and leave the folder before as it is.

/// A schema as it was published.
#[derive(Debug)]
pub(crate) struct Published {
    /// What it describes, such as `batch`.
    pub(crate) name: &'static str,
    /// The version of the wire.
    pub(crate) version: u16,
    /// What it describes, for people.
    pub(crate) title: &'static str,
    /// The schema, JSON Schema 2020-12.
    pub(crate) text: &'static str,
}

macro_rules! published {
    ($($name:literal of $version:literal, $title:literal;)+) => {
        &[$(Published {
            name: $name,
            version: $version,
            title: $title,
            text: include_str!(concat!("../../crates/schema/schemas/v", $version, "/", $name, ".json")),
        }),+]
    };
}

/// Everything that was ever published, the latest version of each last.
pub(crate) const REGISTRY: &[Published] = published! {
    "batch" of 1, "The body of POST /v1/events";
    "batch-answer" of 1, "The answer to a batch";
    "consent" of 1, "The body of POST /v1/consents";
    "consent-answer" of 1, "The answer to a consent record";
    "decision-request" of 1, "The body of POST /v1/decisions";
    "decision" of 1, "The answer to a request for a decision";
    "erase" of 1, "The body of POST /v1/erase";
    "erase-answer" of 1, "The answer to a request to erase a session";
    "receipt" of 1, "The signed receipt of an erasure";
    "me" of 1, "The body of POST /v1/me";
    "error" of 1, "The body of every answer that is not a success";
};

/// The schema of that name and version.
pub(crate) fn find(name: &str, version: u16) -> Option<&'static Published> {
    REGISTRY.iter().find(|published| published.name == name && published.version == version)
}

#[cfg(test)]
mod generate;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod tests;
