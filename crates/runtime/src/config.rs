//! What the script tag, or the ES package, was told.

use js_sys::{Array, Object, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::tcf::TcBasis;
use waver_core::consent::{Purpose, Reading};
use waver_schema::{ConsentChoice, ConsentNotice, NoticeVersion, SiteKey, TextHash};

use crate::consent::Named;
use crate::value;

/// The options of the contract, read. Whoever calls has checked them and filled in the defaults; here they are only trusted not to be.
pub(crate) struct Config {
    pub(crate) site: SiteKey,
    /// Origin of the collector, without a slash at its end.
    pub(crate) endpoint: String,
    /// Whether the page's consent tool is asked.
    pub(crate) consent_tool: bool,
    /// What the tag itself says of consent.
    pub(crate) tag: Option<Reading>,
    /// Whether detection runs before the grant, for callbacks of the page alone.
    pub(crate) local: bool,
    /// Which category, service or purpose of a consent tool stands for which of ours.
    pub(crate) categories: Vec<Named>,
    /// Whose consent in a TC string counts.
    pub(crate) tcf: TcBasis,
    /// The notice that the shop shows.
    pub(crate) notice: Option<ConsentNotice>,
    /// Name of the page's GA4 queue.
    pub(crate) data_layer: Option<String>,
    /// The artifact that scores intent; empty if there is none.
    pub(crate) model: Vec<u8>,
    pub(crate) debug: bool,
}

impl Config {
    /// Reads the options; `None` without a valid site key.
    pub(crate) fn read(options: &JsValue) -> Option<Config> {
        let text = |key| value::text(options, key).unwrap_or_default();
        let tag = match text("consent").as_str() {
            "auto" => None,
            "granted" => Some(ConsentChoice::Granted),
            "denied" => Some(ConsentChoice::Denied),
            _ => Some(ConsentChoice::Unknown),
        };
        let data_layer = text("datalayer");
        Some(Config {
            site: SiteKey::parse(&text("site")).ok()?,
            endpoint: text("endpoint"),
            consent_tool: tag.is_none(),
            tag: tag.map(Reading::all),
            local: text("preconsent") == "local",
            categories: categories(&value::get(options, "cmp")),
            tcf: tcf_basis(&text("tcf")),
            notice: notice(&text("notice")),
            data_layer: (data_layer != "none").then_some(data_layer),
            model: value::get(options, "model")
                .dyn_into::<Uint8Array>()
                .map(|bytes| bytes.to_vec())
                .unwrap_or_default(),
            debug: value::get(options, "debug").is_truthy(),
        })
    }
}

/// The number of a vendor, or whose consent it is by name. What is neither asks for the most.
fn tcf_basis(text: &str) -> TcBasis {
    match text {
        "purposes" => TcBasis::Purposes,
        _ => text.parse().map_or(TcBasis::Publisher, TcBasis::Vendor),
    }
}

/// Its version and the SHA-256 of its text, with a space between.
fn notice(text: &str) -> Option<ConsentNotice> {
    let (version, hash) = text.split_once(' ')?;
    Some(ConsentNotice { version: NoticeVersion::parse(version).ok()?, hash: TextHash::parse(hash).ok()? })
}

/// A category that stands for something unknown is left out, so that it grants nothing.
fn categories(map: &JsValue) -> Vec<Named> {
    let entries = Object::entries(map.unchecked_ref());
    let purpose = |entry: JsValue| {
        let entry: Array = entry.unchecked_into();
        let purpose = match entry.get(1).as_string()?.as_str() {
            "measure" => Purpose::Measure,
            "personalize" => Purpose::Personalize,
            _ => return None,
        };
        Some((entry.get(0), purpose))
    };
    entries.into_iter().filter_map(purpose).collect()
}
