//! Tools that ask about things by name: categories, services or purposes of their own, which the shop maps to ours with `data-cmp`.

use wasm_bindgen::JsValue;
use waver_core::consent::{Purpose, Reading};
use waver_schema::ConsentChoice;

/// A name of a tool's, and what it stands for.
pub(crate) type Named = (JsValue, Purpose);

/// What follows from what a tool says of each name; `None` for a name it does not know. Names that stand for the same purpose have to be
/// granted together, and a purpose without a name that the tool knows is denied.
pub(super) fn reading(names: &[Named], said: impl Fn(&JsValue) -> Option<ConsentChoice>) -> Reading {
    let choice = |purpose| {
        let mut all = None;
        for (name, _) in names.iter().filter(|(_, meaning)| *meaning == purpose) {
            // By severity: denied, unknown, granted.
            all = match (all, said(name)) {
                (Some(ConsentChoice::Denied), _) | (_, Some(ConsentChoice::Denied)) => Some(ConsentChoice::Denied),
                (Some(ConsentChoice::Unknown), _) | (_, Some(ConsentChoice::Unknown)) => Some(ConsentChoice::Unknown),
                (all, said) => all.or(said),
            };
        }
        all.unwrap_or(ConsentChoice::Denied)
    };
    Reading::new(choice(Purpose::Measure), choice(Purpose::Personalize))
}

/// Granted only where the tool and what it stored agree that it is.
pub(super) const fn agreed(tool: bool, stored: bool) -> ConsentChoice {
    if tool && stored { ConsentChoice::Granted } else { ConsentChoice::Denied }
}
