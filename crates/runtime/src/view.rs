//! Which page it is: as the page itself says by `waver('page', ...)`, else by what its markup and its `dataLayer` show.

use std::cell::{Cell, RefCell};

use gloo_timers::callback::Timeout;
use waver_core::SignalKind;
use waver_schema::{DeviceClass, ItemRef, Navigation, PageType, Referrer};
use web_sys::Document;

use crate::sensor::{datalayer, navigation};

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
        Page { address: navigation::address(), kind, item: item.or_else(|| marked_item(kind)) }
    }

    fn inferred(address: String, data_layer: Option<&str>) -> Page {
        let document = web_sys::window().and_then(|window| window.document());
        let kind = document.as_ref().and_then(marked_kind);
        let kind = kind.or_else(|| datalayer::page_type(data_layer?)).or_else(|| schema_org_kind(document.as_ref()?));
        let kind = kind.unwrap_or(PageType::Other);
        Page { address, kind, item: marked_item(kind) }
    }
}

/// `<body data-page="product">`.
fn marked_kind(document: &Document) -> Option<PageType> {
    PageType::from_name(&document.body()?.get_attribute("data-page")?)
}

/// Markup of schema.org or Open Graph that a product page has.
fn schema_org_kind(document: &Document) -> Option<PageType> {
    const PRODUCT: &str = "meta[property='og:type'][content$=product],[itemtype$='schema.org/Product']";
    document.query_selector(PRODUCT).ok()?.map(|_| PageType::Product)
}

/// On a product's page, the first element that says which.
fn marked_item(kind: PageType) -> Option<ItemRef> {
    let document = web_sys::window().filter(|_| kind == PageType::Product)?.document()?;
    let marked = document.query_selector("[data-waver-item]").ok()??;
    Some(ItemRef::from_label(&marked.get_attribute("data-waver-item")?))
}

/// The views of this page.
#[derive(Default)]
pub(crate) struct Views {
    said: RefCell<Option<Page>>,
    current: RefCell<Option<Page>>,
    /// A view that waits for what the page says of it.
    pub(crate) soon: RefCell<Option<Timeout>>,
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
        self.soon.take();
        let address = navigation::address();
        let said = self.said.borrow().clone().filter(|said| said.address == address);
        let page = said.unwrap_or_else(|| Page::inferred(address, data_layer));
        let (kind, item) = (page.kind, page.item);
        self.current.replace(Some(page));
        // Within the application one page of the shop follows another; only the first came from elsewhere.
        let referrer = if self.loaded.replace(true) { Referrer::Internal } else { referrer() };
        SignalKind::View { page: kind, navigation, referrer, device: device(), item }
    }

    /// Forgets which view stands: the next one is new whatever it shows.
    pub(crate) fn end(&self) {
        self.soon.take();
        self.current.take();
    }
}

/// The origin decides; the address of the referring page is not looked at any further.
fn referrer() -> Referrer {
    let found = || {
        let window = web_sys::window()?;
        let referrer = window.document()?.referrer();
        let origin = window.location().origin().ok()?;
        Some(match referrer.strip_prefix(&origin) {
            _ if referrer.is_empty() => Referrer::Direct,
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Referrer::Internal,
            _ => Referrer::External,
        })
    };
    found().unwrap_or(Referrer::Direct)
}

fn device() -> DeviceClass {
    let coarse = web_sys::window().and_then(|window| window.match_media("(pointer:coarse)").ok()?);
    if coarse.is_some_and(|coarse| coarse.matches()) { DeviceClass::Touch } else { DeviceClass::Mouse }
}
