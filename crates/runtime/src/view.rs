//! Which page it is: as the page itself says by `waver('page', ...)`, else by what its markup and its `dataLayer` show.

use std::cell::{Cell, RefCell};

use waver_core::SignalKind;
use waver_schema::{DeviceClass, ItemRef, Navigation, PageType, Referrer};

use crate::sensor::datalayer;
use crate::sensor::navigation::address;
use crate::{markup, page, value};

/// The page that one view shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    address: String,
    kind: PageType,
    item: Option<ItemRef>,
}

impl Page {
    /// The page that stands at this address, as it says itself.
    pub(crate) fn said(kind: PageType, item: Option<ItemRef>) -> Page {
        Page { address: address(), kind, item: item.or_else(|| marked_item(kind)) }
    }

    /// `loaded`: the page is as it was loaded, and not another view of the same application.
    fn inferred(data_layer: Option<&str>, loaded: bool) -> Page {
        let marked = attribute("body[data-page]", "data-page").and_then(|kind| PageType::from_name(&kind));
        let known = marked.or_else(|| datalayer::page_type(data_layer?));
        if known.is_some_and(|kind| kind != PageType::Product) {
            return Page::said(known.unwrap_or(PageType::Other), None);
        }
        let shown = markup::shown(loaded);
        let kind = known.or(shown.kind).unwrap_or(PageType::Other);
        let mut page = Page::said(kind, None);
        page.item = page.item.or(shown.item.filter(|_| kind == PageType::Product));
        page
    }
}

/// On a product's page, the first element that says which.
fn marked_item(kind: PageType) -> Option<ItemRef> {
    let item = (kind == PageType::Product).then(|| attribute("[data-waver-item]", "data-waver-item"))?;
    item.map(|item| ItemRef::from_label(&item))
}

fn attribute(selector: &str, name: &str) -> Option<String> {
    page::query_selector(selector)?.get_attribute(name)
}

/// The views of this page.
#[derive(Default)]
pub(crate) struct Views {
    said: RefCell<Option<Page>>,
    current: RefCell<Option<Page>>,
    loaded: Cell<bool>,
}

impl Views {
    /// The page says what it is. Gives whether that makes a new view: not if the view that stands is of just this page.
    pub(crate) fn say(&self, page: Page) -> bool {
        let differs = self.current.borrow().as_ref() != Some(&page);
        self.said.replace(Some(page));
        differs
    }

    /// Begins a view of the page as it is now.
    pub(crate) fn begin(&self, navigation: Navigation, data_layer: Option<&str>) -> SignalKind {
        let said = self.said.borrow().clone().filter(|said| said.address == address());
        let page = said.unwrap_or_else(|| Page::inferred(data_layer, navigation != Navigation::Route));
        let (kind, item) = (page.kind, page.item);
        self.current.replace(Some(page));
        // Within the application one page of the shop follows another; only the first came from elsewhere.
        let referrer = if self.loaded.replace(true) { Referrer::Internal } else { referrer() };
        SignalKind::View { page: kind, navigation, referrer, device: device(), item }
    }

    /// Forgets which view stands: the next one is new whatever it shows.
    pub(crate) fn end(&self) {
        self.current.take();
    }
}

/// The origin decides; the address of the referring page is not looked at any further.
fn referrer() -> Referrer {
    let window = page::global();
    let referrer = value::text(&value::get(&window, "document"), "referrer").unwrap_or_default();
    let origin = value::text(&value::get(&window, "location"), "origin").unwrap_or_default();
    match referrer.strip_prefix(&origin) {
        _ if referrer.is_empty() => Referrer::Direct,
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Referrer::Internal,
        _ => Referrer::External,
    }
}

/// What the shopper mainly points with, as the browser says.
pub(crate) fn device() -> DeviceClass {
    let coarse = value::call(&page::global(), "matchMedia", &js_sys::Array::of1(&"(pointer:coarse)".into()));
    let touch = coarse.is_ok_and(|coarse| value::get(&coarse, "matches").is_truthy());
    if touch { DeviceClass::Touch } else { DeviceClass::Mouse }
}
