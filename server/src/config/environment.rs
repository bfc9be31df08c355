//! `WAVER__SECTION__KEY` variables over the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, ConfigError, Secret};

const PREFIX: &str = "WAVER__";
const ADMIN_TOKEN: &str = "WAVER__ADMIN__TOKEN";
const SITES: &str = "WAVER__SITES__";
const SECRET: &str = "__SECRET";

/// What the environment says of the configuration.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    /// Each variable's name, its path of keys, and its value.
    settings: Vec<(String, Vec<String>, String)>,
    /// Apart from the rest, since it has no place in a configuration that may be printed.
    pub(super) admin_token: Option<Secret>,
    /// The secrets of sites, by their keys in lower case. Apart for the same reason.
    pub(super) site_secrets: BTreeMap<String, Secret>,
}

impl Overrides {
    pub(super) fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Overrides {
        let mut overrides = Overrides::default();
        for (name, value) in variables {
            if name == ADMIN_TOKEN {
                overrides.admin_token = Some(Secret::new(value.trim()));
            } else if let Some(site) = site_of_secret(&name) {
                overrides.site_secrets.insert(site, Secret::new(value.trim()));
            } else if let Some(keys) = name.strip_prefix(PREFIX) {
                let keys = keys.split("__").map(str::to_lowercase).collect();
                overrides.settings.push((name, keys, value));
            }
        }
        // The order of variables means nothing; sorted, the same environment always gives the same message.
        overrides.settings.sort();
        overrides
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty()
    }

    /// The configuration of `file` with these over it.
    pub(super) fn put_over(&self, mut file: Table) -> Result<Config, ConfigError> {
        let names = || self.settings.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>().join(", ");
        let failed = |message: &str| ConfigError::Environment { names: names(), message: message.trim().to_owned() };
        for (name, keys, value) in &self.settings {
            put(&mut file, keys, typed(value))
                .map_err(|message| ConfigError::Environment { names: name.clone(), message: message.to_owned() })?;
        }
        Config::deserialize(file).map_err(|error| failed(error.message()))
    }
}

/// The site whose secret this variable holds: `WAVER__SITES__KEY__SECRET`.
fn site_of_secret(name: &str) -> Option<String> {
    let site = name.strip_prefix(SITES)?.strip_suffix(SECRET)?;
    (!site.is_empty() && !site.contains("__")).then(|| site.to_lowercase())
}

fn put(table: &mut Table, keys: &[String], value: Value) -> Result<(), &'static str> {
    let [section, rest @ ..] = keys else { return Err("names no key") };
    if rest.is_empty() {
        table.insert(section.clone(), value);
        return Ok(());
    }
    match table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(inner) => put(inner, rest, value),
        _ => Err("names a key inside of something that has none"),
    }
}

/// `true`, `7`, `0.5` and `["a", "b"]` are what they look like; everything else is a text.
fn typed(value: &str) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok();
    match parsed.and_then(|mut table| table.remove("value")) {
        Some(typed @ (Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Array(_))) => typed,
        _ => Value::String(value.to_owned()),
    }
}
