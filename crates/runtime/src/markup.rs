//! What the markup of common shops says without being marked for us: the parts of a page, which kind of page it is, and which product it shows.
//! From the default themes of Shopify (Dawn), WooCommerce (Storefront) and Magento 2 (Luma), and from schema.org.
//!
//! The defaults are careful: a part that is not recognised costs some evidence, one that is taken for another makes wrong evidence. So a name
//! is here only where the platform's own code gives it, and what a shop marks itself goes before all of it.

use js_sys::{Array, JSON};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::{ItemRef, PageType, Zone};
use web_sys::Element;

use crate::{page, value};

/// Where to find each zone.
const ZONES: [(Zone, &str); 10] = [
    (
        Zone::Cta,
        "form[action*='/cart/add'] [type=submit],.shopify-payment-button,.single_add_to_cart_button,.add_to_cart_button,#product-addtocart-button,.tocart",
    ),
    (
        Zone::Price,
        "[itemprop=price],[itemprop=lowPrice],[itemprop=highPrice],.price-item,.woocommerce-Price-amount,.price-box,.product .price",
    ),
    (
        Zone::Size,
        ".variations [name*=size i],variant-selects [name*=size i],variant-radios [name*=size i],.swatch-attribute.size",
    ),
    (Zone::Variant, "variant-selects,variant-radios,.variations,.swatch-attribute"),
    (Zone::Quantity, "quantity-input,.quantity,input[name=quantity],input[name=qty]"),
    (
        Zone::Shipping,
        "#shipping_method,.woocommerce-shipping-totals,.shipping-calculator-form,#opc-shipping_method,#block-shipping,[href*='/policies/shipping-policy']",
    ),
    (Zone::Returns, "[href*='/policies/refund-policy'],[itemprop=hasMerchantReturnPolicy]"),
    (Zone::Reviews, "[itemprop=review],[itemprop=aggregateRating],#reviews,.product-reviews-summary"),
    (
        Zone::Coupon,
        "[name=coupon_code],.checkout_coupon,#discount-coupon-form,#block-discount,input[name=discount],input[name=reductions]",
    ),
    (
        Zone::Checkout,
        "[name=checkout],.checkout-button,#place_order,#top-cart-btn-checkout,[data-role=proceed-to-checkout]",
    ),
];

/// What a button holds is part of the button: a price in it is not being weighed, the button is.
const BUTTON: &str = "button,[role=button]";

/// Classes that platforms give the body of a page, the more telling ones first.
const BODY_CLASSES: [(&str, PageType); 17] = [
    ("woocommerce-order-received", PageType::Confirmation),
    ("checkout-onepage-success", PageType::Confirmation),
    ("woocommerce-checkout", PageType::Checkout),
    ("checkout-index-index", PageType::Checkout),
    ("woocommerce-cart", PageType::Cart),
    ("checkout-cart-index", PageType::Cart),
    ("template-cart", PageType::Cart),
    ("catalogsearch-result-index", PageType::Search),
    ("template-search", PageType::Search),
    ("single-product", PageType::Product),
    ("catalog-product-view", PageType::Product),
    ("template-product", PageType::Product),
    ("tax-product_cat", PageType::List),
    ("catalog-category-view", PageType::List),
    ("template-collection", PageType::List),
    ("cms-index-index", PageType::Home),
    ("template-index", PageType::Home),
];

/// Shopify's own words for kinds of pages.
const SHOPIFY_PAGES: [(&str, PageType); 5] = [
    ("product", PageType::Product),
    ("collection", PageType::List),
    ("searchresults", PageType::Search),
    ("cart", PageType::Cart),
    ("home", PageType::Home),
];

const OPEN_GRAPH_PRODUCT: &str = "meta[property='og:type'][content$=product]";
const MICRODATA_PRODUCTS: &str = "[itemtype$='schema.org/Product']";
const MICRODATA_NAMES: &str = "[itemprop=sku],[itemprop=productID]";
const JSON_LD: &str = "script[type='application/ld+json']";
/// Scripts, and nodes of each, beyond this are not looked at.
const MOST_NODES: u32 = 32;
/// A longer script is not read. Product pages of the platforms above have 1 to 8 KB.
const MOST_CHARS: usize = 32 * 1024;

thread_local! {
    static EVERY_ZONE: String = every_zone();
}

fn every_zone() -> String {
    let mut every = String::new();
    for (_, selector) in ZONES {
        if !every.is_empty() {
            every.push(',');
        }
        every.push_str(selector);
    }
    every
}

/// The zone of the nearest part around `element`, or that it is itself, which the markup gives away.
pub(crate) fn zone_of(element: &Element) -> Option<Zone> {
    let button = element.closest(BUTTON).ok().flatten();
    let from = button.as_ref().unwrap_or(element);
    let part = EVERY_ZONE.with(|every| from.closest(every)).ok()??;
    let (zone, _) = ZONES.iter().find(|(_, selector)| part.matches(selector).unwrap_or_default())?;
    Some(*zone)
}

/// The parts of the page that its shop or its markup names, as a list of nodes.
pub(crate) fn every_part() -> JsValue {
    EVERY_ZONE.with(|every| page::query_selector_all(&["[data-waver-zone],", every].concat()))
}

/// What a page shows.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Shown {
    pub(crate) kind: Option<PageType>,
    /// The product, if it is the page of one.
    pub(crate) item: Option<ItemRef>,
}

/// What the markup says the page shows. What the server wrote once, and no application changes, counts only on a page as it was `loaded`.
pub(crate) fn shown(loaded: bool) -> Shown {
    let platform = if loaded { of_shopify().or_else(of_body_classes) } else { None };
    // A list has many products, and a product's page those that are like it: only one alone says which it is.
    let products = page::query_selector_all(MICRODATA_PRODUCTS);
    let one_alone = value::number(&products, "length") == Some(1.0);
    if matches!(platform, Some(Shown { kind: Some(kind), .. }) if kind != PageType::Product) {
        return platform.unwrap_or_default();
    }
    let platform_item = platform.as_ref().and_then(|shown| shown.item);
    let described = described_product();
    let is_product =
        platform.is_some() || one_alone || described.is_some() || page::query_selector(OPEN_GRAPH_PRODUCT).is_some();
    if !is_product {
        return Shown::default();
    }
    let named = || {
        let name = page::query_selector(MICRODATA_NAMES).filter(|_| one_alone)?;
        name.get_attribute("content").or_else(|| name.text_content())
    };
    let named = described.flatten().or_else(named).map(|name| ItemRef::from_label(name.trim()));
    Shown { kind: Some(PageType::Product), item: named.or(platform_item) }
}

fn of_shopify() -> Option<Shown> {
    let analytics = value::get(&page::global(), "ShopifyAnalytics");
    let shown = value::get(&value::get(&analytics, "meta"), "page");
    let kind = of(&SHOPIFY_PAGES, |name| value::text(&shown, "pageType").as_deref() == Some(name))?;
    let item = value::label(&shown, "resourceId").filter(|_| kind == PageType::Product);
    Some(Shown { kind: Some(kind), item: item.map(|item| ItemRef::from_label(&item)) })
}

fn of_body_classes() -> Option<Shown> {
    let classes = value::text(&value::get(&value::get(&page::global(), "document"), "body"), "className")?;
    let kind = of(&BODY_CLASSES, |name| classes.split_ascii_whitespace().any(|class| class == name))?;
    Some(Shown { kind: Some(kind), item: None })
}

fn of(table: &[(&str, PageType)], says: impl Fn(&str) -> bool) -> Option<PageType> {
    table.iter().find(|(name, _)| says(name)).map(|(_, kind)| *kind)
}

/// The product that the page's JSON-LD is about, by its name if it has one; `None` if it is about none or several.
fn described_product() -> Option<Option<String>> {
    let scripts = page::query_selector_all(JSON_LD);
    let mut products = Vec::new();
    for script in Array::from(&scripts).into_iter().take(MOST_NODES as usize) {
        let text = value::text(&script, "textContent").filter(|text| text.len() <= MOST_CHARS);
        if let Some(Ok(described)) = text.map(|text| JSON::parse(&text)) {
            for node in nodes(&described) {
                // A page says of itself what it is about.
                let main = value::get(&node, "mainEntity");
                products.extend([node, main].into_iter().filter(is_product));
            }
        }
    }
    let [product] = products.as_slice() else { return None };
    Some(["sku", "productID", "productGroupID", "@id"].iter().find_map(|key| value::label(product, key)))
}

/// A node, those of a list, or those of a graph.
fn nodes(described: &JsValue) -> Vec<JsValue> {
    let graph = value::get(described, "@graph");
    let listed = if graph.is_undefined() { described } else { &graph };
    match listed.dyn_ref::<Array>() {
        Some(list) => list.iter().take(MOST_NODES as usize).collect(),
        None => vec![listed.clone()],
    }
}

fn is_product(node: &JsValue) -> bool {
    let kind = value::get(node, "@type");
    let kinds: Array = kind.dyn_into().unwrap_or_else(|kind| Array::of1(&kind));
    kinds.iter().take(MOST_NODES as usize).any(|kind| kind == "Product" || kind == "ProductGroup")
}
