//! Google Consent Mode, as it stands in the page's queue. It is no tool but what some tool told Google, and may stay `granted` after a withdrawal
//! (tarteaucitron registers its listeners once); so it only vetoes, unless the shop maps its names in `data-cmp` and thereby says that there is
//! nothing better to ask. Even then only an `update` grants: a default is no act of the shopper's.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::{Purpose, Reading};
use waver_schema::{ConsentChoice, ConsentSource};

use super::named::Named;
use super::restored::Restored;
use crate::{page, value};

/// Its names for what we do, where the shop did not map any.
const NAMES: [(&str, Purpose); 2] =
    [("analytics_storage", Purpose::Measure), ("personalization_storage", Purpose::Personalize)];
/// All its names that a shop can map.
const MAPPABLE: [&str; 6] = [
    "analytics_storage",
    "personalization_storage",
    "functionality_storage",
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
];

/// How far the queue has been read, and what stood in it.
#[derive(Default)]
pub(super) struct ConsentMode {
    queue: RefCell<JsValue>,
    read: Cell<u32>,
    last: RefCell<JsValue>,
    /// The names that were spoken of, and whether the last word was an update that grants.
    said: RefCell<Vec<(String, bool)>>,
}

impl ConsentMode {
    /// What it says now; `None` where it is not used on the page.
    pub(super) fn read(&self, queue: &str, names: &[Named], restored: &Restored) -> Option<Reading> {
        self.follow(&value::get(&page::global(), queue), restored);
        let said = self.said.borrow();
        let granted = |name: &str| said.iter().find(|(known, _)| known == name).map(|(_, granted)| *granted);
        let mapped: Vec<(String, Purpose)> = names
            .iter()
            .filter_map(|(name, purpose)| {
                let name = name.as_string().filter(|name| MAPPABLE.contains(&name.as_str()))?;
                Some((name, *purpose))
            })
            .collect();
        if mapped.is_empty() {
            let veto = |purpose| {
                let name = NAMES.iter().find(|(_, meaning)| *meaning == purpose)?.0;
                granted(name).filter(|granted| !granted).map(|_| ConsentChoice::Denied)
            };
            let is_used = !said.is_empty();
            let reading =
                Reading { measure: veto(Purpose::Measure), personalize: veto(Purpose::Personalize), paused: false };
            return is_used.then_some(reading);
        }
        let choice = |purpose| {
            let mut all =
                mapped.iter().filter(|(_, meaning)| *meaning == purpose).map(|(name, _)| granted(name)).peekable();
            all.peek()?;
            // Default or not: what is not granted is not granted.
            Some(match all.collect::<Option<Vec<bool>>>() {
                Some(all) if all.iter().all(|granted| *granted) => ConsentChoice::Granted,
                Some(_) => ConsentChoice::Denied,
                None => ConsentChoice::Unknown,
            })
        };
        Some(Reading { measure: choice(Purpose::Measure), personalize: choice(Purpose::Personalize), paused: false })
    }

    /// Reads what was added to the queue since. A queue that was replaced or cut off at its front is read anew.
    fn follow(&self, queue: &JsValue, restored: &Restored) {
        let Some(items) = queue.dyn_ref::<Array>() else { return };
        let read = self.read.get();
        let goes_on = *self.queue.borrow() == *queue && (read == 0 || items.get(read - 1) == *self.last.borrow());
        let from = if goes_on { read } else { 0 };
        for index in from..items.length() {
            if self.take(&items.get(index)) {
                restored.hear(ConsentSource::ConsentMode);
            }
        }
        self.queue.replace(queue.clone());
        self.read.set(items.length());
        self.last.replace(items.get(items.length().wrapping_sub(1)));
    }

    /// Takes a command: `arguments` of `gtag('consent', 'default' | 'update', {...})`. Where several speak of a name, a denial stands until
    /// an update grants: which of a default's regions the shopper is in we do not know, and do not want to. Says whether it is an update.
    fn take(&self, item: &JsValue) -> bool {
        if value::get(item, "0") != "consent" {
            return false;
        }
        let is_update = value::get(item, "1") == "update";
        let states = value::get(item, "2");
        for name in MAPPABLE {
            let state = Reflect::get(&states, &name.into()).unwrap_or_default();
            let granted = is_update && state == "granted";
            if granted || state == "denied" {
                let mut said = self.said.borrow_mut();
                said.retain(|(known, _)| known != name);
                said.push((name.to_owned(), granted));
            }
        }
        is_update
    }
}
