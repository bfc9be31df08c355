//! SHA-256 of a consent string, by the browser's own hand: the record of a choice names the string by it, since the string itself may be
//! personal data and never travels. The browser takes a moment for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsCast;
use waver_schema::TextHash;

use super::cookie;
use crate::transport::when;
use crate::{page, value};

/// The hash of the last string.
#[derive(Default)]
pub(super) struct StringHash {
    of: RefCell<String>,
    hash: Rc<Cell<Option<TextHash>>>,
    /// Whether the record of a grant may still wait for it.
    worth_waiting: Cell<bool>,
}

impl StringHash {
    /// Begins to hash `string`, unless it is the one before.
    pub(super) fn take(&self, string: &str) {
        if *self.of.borrow() == string {
            return;
        }
        string.clone_into(&mut self.of.borrow_mut());
        self.hash.take();
        let subtle = value::get(&value::get(&page::global(), "crypto"), "subtle");
        let bytes = Uint8Array::from(string.as_bytes());
        // There is none on pages without TLS. Then the record goes without a hash.
        let digest = value::call(&subtle, "digest", &Array::of2(&"SHA-256".into(), &bytes));
        let Some(digest) = digest.ok().and_then(|digest| digest.dyn_into::<Promise>().ok()) else { return };
        self.worth_waiting.set(true);
        let into = self.hash.clone();
        when(
            &digest,
            Box::new(move |digest| {
                let bytes = Uint8Array::new(&digest).to_vec();
                into.set(bytes.try_into().ok().map(TextHash::from_bytes));
            }),
        );
    }

    /// Whether the string stands in a cookie of the page, as it is.
    pub(super) fn is_in_cookies(&self) -> bool {
        let (of, cookies) = (self.of.borrow(), cookie::all().unwrap_or_default());
        // By bytes, since a search of texts takes three kilobytes of code.
        !of.is_empty() && cookies.as_bytes().windows(of.len()).any(|part| part == of.as_bytes())
    }

    /// The hash, once it is there.
    pub(super) fn get(&self) -> Option<TextHash> {
        self.hash.get()
    }

    /// Whether to wait for it. True once for each string, so that a browser that never answers holds nothing up.
    pub(super) fn is_worth_waiting(&self) -> bool {
        self.worth_waiting.take() && self.hash.get().is_none()
    }
}
