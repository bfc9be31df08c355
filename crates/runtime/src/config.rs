//! What the script tag, or the ES package, was told.

use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::{Purpose, Reading};
use waver_schema::{ConsentChoice, SiteKey};

use crate::value;

/// The options of the contract, read.
pub(crate) struct Config {
    pub(crate) site: SiteKey,
    /// Origin of the collector, without a slash at its end.
    pub(crate) endpoint: String,
    pub(crate) consent: ConsentMode,
    /// Whether detection runs before the grant, for callbacks of the page alone.
    pub(crate) local: bool,
    /// Which category of a consent tool stands for which purpose.
    pub(crate) categories: Vec<(String, Purpose)>,
    /// Name of the page's GA4 queue.
    pub(crate) data_layer: Option<String>,
    pub(crate) debug: bool,
}

/// Where consent is looked for, `data-consent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsentMode {
    /// At the page's consent tool.
    Auto,
    /// At page calls alone, beginning with this choice.
    Start(ConsentChoice),
}

impl ConsentMode {
    fn parse(text: &str) -> Option<ConsentMode> {
        Some(match text {
            "auto" => ConsentMode::Auto,
            "pending" => ConsentMode::Start(ConsentChoice::Unknown),
            "granted" => ConsentMode::Start(ConsentChoice::Granted),
            "denied" => ConsentMode::Start(ConsentChoice::Denied),
            _ => return None,
        })
    }

    /// What the tag itself says.
    pub(crate) fn reading(self) -> Option<Reading> {
        match self {
            ConsentMode::Auto => None,
            ConsentMode::Start(choice) => Some(Reading::all(choice)),
        }
    }
}

/// Names of categories whose meaning is clear without the shop's saying so.
const CLEAR_CATEGORIES: [(&str, Purpose); 5] = [
    ("analytics", Purpose::Measure),
    ("measurement", Purpose::Measure),
    ("statistics", Purpose::Measure),
    ("personalization", Purpose::Personalize),
    ("personalisation", Purpose::Personalize),
];

impl Config {
    /// Reads the options.
    ///
    /// # Errors
    /// What is wrong and what to do, for the shop's developer.
    pub(crate) fn read(options: &JsValue) -> Result<Config, &'static str> {
        let site = value::text(options, "site").and_then(|site| SiteKey::parse(&site).ok());
        let site =
            site.ok_or("waver: data-site has to be the site's public key: a-z, 0-9, - and _, at most 32 characters")?;
        let endpoint = value::text(options, "endpoint").unwrap_or_default();
        if !endpoint.starts_with("http") {
            return Err("waver: data-endpoint has to be the collector's address, such as https://collector.example");
        }
        let consent = or_default(options, "consent", ConsentMode::Auto, ConsentMode::parse)
            .ok_or("waver: data-consent is auto, pending, granted or denied")?;
        let local = or_default(options, "preconsent", false, |text| match text {
            "off" => Some(false),
            "local" => Some(true),
            _ => None,
        });
        let local = local.ok_or("waver: data-preconsent is off or local")?;
        let data_layer = value::text(options, "datalayer").unwrap_or_else(|| "dataLayer".into());
        Ok(Config {
            site,
            endpoint: endpoint.trim_end_matches('/').into(),
            consent,
            local,
            categories: categories(&value::get(options, "cmp"))?,
            data_layer: (data_layer != "none").then_some(data_layer),
            debug: value::get(options, "debug").is_truthy(),
        })
    }

    pub(crate) fn url(&self, route: &str) -> String {
        [self.endpoint.as_str(), route].concat()
    }
}

fn or_default<T>(options: &JsValue, key: &str, default: T, parse: fn(&str) -> Option<T>) -> Option<T> {
    match value::get(options, key).as_string().as_deref() {
        None | Some("") => Some(default),
        Some(text) => parse(text),
    }
}

fn categories(map: &JsValue) -> Result<Vec<(String, Purpose)>, &'static str> {
    const WRONG: &str = "waver: data-cmp is a JSON object from category names to \"measure\" or \"personalize\"";
    if !map.is_truthy() {
        return Ok(CLEAR_CATEGORIES.map(|(name, purpose)| (name.into(), purpose)).into());
    }
    let map: &Object = map.dyn_ref().ok_or(WRONG)?;
    let entry = |name: JsValue| {
        let name = name.as_string()?;
        let purpose = match value::text(map, &name)?.as_str() {
            "measure" => Purpose::Measure,
            "personalize" => Purpose::Personalize,
            _ => return None,
        };
        Some((name, purpose))
    };
    Object::keys(map).iter().map(entry).collect::<Option<Vec<_>>>().ok_or(WRONG)
}
