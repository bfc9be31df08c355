//! The markup of common shops, as their default themes write it: what is made of it, and what of its neighbours is not.
#![cfg(target_family = "wasm")]

mod page;

use std::cell::Cell;
use std::rc::Rc;

use page::{act, add, pointer};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use waver_core::SignalKind;
use waver_schema::{ItemRef, PageType, Zone};
use web_sys::{Element, HtmlElement};

wasm_bindgen_test_configure!(run_in_browser);

/// Each of `parts` as the zone that the pointer comes into over it.
fn zones(shop: &HtmlElement, parts: &[(&str, Option<Zone>)]) {
    let zone: Rc<Cell<Option<Zone>>> = Rc::default();
    let entered = zone.clone();
    let _sensors = waver_runtime::sense(Rc::new(move |kind, _| match kind {
        SignalKind::ZoneEnter { zone, .. } => entered.set(Some(zone)),
        SignalKind::ZoneLeave { .. } => entered.set(None),
        _ => {}
    }));
    for (selector, expected) in parts {
        let part: Element = shop.query_selector(selector).expect("a selector").unwrap_or_else(|| panic!("{selector}"));
        pointer(&part, "pointerover", 5, 5);
        assert_eq!(zone.get(), *expected, "{selector}");
        pointer(&page::document().body().expect("a body"), "pointerover", 5, 5);
    }
}

#[wasm_bindgen_test]
fn zones_of_shopify() {
    let shop = add("<product-info class='product__info-container'><h1>Bag</h1>\
        <div class=price><span class='price-item price-item--regular'>€89,00</span></div>\
        <variant-selects><fieldset><legend>Colour</legend><input type=radio name='Color-1'></fieldset>\
        <select name='options[Size]'><option>S</select></variant-selects>\
        <quantity-input><button name=plus>+</button><input name=quantity></quantity-input>\
        <form action='/en/cart/add'><button type=submit name=add><span>Add to cart</span><span class=price-item>€89</span></button>\
        <div class=shopify-payment-button><button>Buy it now</button></div></form>\
        <a href='/policies/shipping-policy'>Shipping</a><a href='/policies/refund-policy'>Returns</a><a class=faq href='/pages/faq'>Help</a>\
        <form action='/cart'><button name=checkout>Check out</button></form><form action=/search><button class=find type=submit>Find</button></form></product-info>");
    zones(
        &shop,
        &[
            ("h1", None),
            (".price > .price-item", Some(Zone::Price)),
            ("legend", Some(Zone::Variant)),
            ("[name=Color-1]", Some(Zone::Variant)),
            ("select", Some(Zone::Size)),
            ("[name=plus]", Some(Zone::Quantity)),
            ("[name=add] span", Some(Zone::Cta)),
            ("[name=add] .price-item", Some(Zone::Cta)),
            (".shopify-payment-button button", Some(Zone::Cta)),
            ("[href*=shipping]", Some(Zone::Shipping)),
            ("[href*=refund]", Some(Zone::Returns)),
            (".faq", None),
            ("[name=checkout]", Some(Zone::Checkout)),
            (".find", None),
        ],
    );
}

#[wasm_bindgen_test]
fn zones_of_woocommerce() {
    let shop = add("<div class='product type-product'><h1 class=product_title>Bag</h1>\
        <p class=price><span class='woocommerce-Price-amount amount'><bdi>89,00&nbsp;€</bdi></span></p>\
        <form class=cart><table class=variations><tr><td><select name=attribute_pa_color></select><select name=attribute_pa_size></select></table>\
        <div class=quantity><input class='input-text qty' name=quantity></div>\
        <button class='single_add_to_cart_button button'>Add to cart</button></form>\
        <div id=reviews><p class=said>Nice</p></div><p class=summary>Text</p>\
        <form class='checkout_coupon woocommerce-form-coupon'><input name=coupon_code></form>\
        <ul id=shipping_method><li>Post</ul><a class='checkout-button button'>Proceed to checkout</a><button id=place_order>Place order</button></div>");
    zones(
        &shop,
        &[
            ("h1", None),
            ("bdi", Some(Zone::Price)),
            ("[name=attribute_pa_color]", Some(Zone::Variant)),
            ("[name=attribute_pa_size]", Some(Zone::Size)),
            (".qty", Some(Zone::Quantity)),
            (".single_add_to_cart_button", Some(Zone::Cta)),
            (".said", Some(Zone::Reviews)),
            (".summary", None),
            ("[name=coupon_code]", Some(Zone::Coupon)),
            ("#shipping_method li", Some(Zone::Shipping)),
            (".checkout-button", Some(Zone::Checkout)),
            ("#place_order", Some(Zone::Checkout)),
        ],
    );
}

#[wasm_bindgen_test]
fn zones_of_magento_and_of_schema_org() {
    let shop = add("<div itemscope itemtype='https://schema.org/Product'><h1 itemprop=name>Bag</h1>\
        <div class='price-box price-final_price'><span class=price>89 €</span></div><b itemprop=price content=89>89</b>\
        <div class='swatch-attribute size'><div class=swatch-option>S</div></div><div class='swatch-attribute color'><i class=swatch-option></i></div>\
        <input id=qty name=qty><button id=product-addtocart-button><span>Add to Cart</span></button>\
        <div class=product-reviews-summary>4 of 5</div><p itemprop=review>Nice</p>\
        <div id=block-discount><b>Apply Discount Code</b></div><button data-role=proceed-to-checkout>Proceed</button></div>");
    zones(
        &shop,
        &[
            ("h1", None),
            (".price-box .price", Some(Zone::Price)),
            ("[itemprop=price]", Some(Zone::Price)),
            (".size .swatch-option", Some(Zone::Size)),
            (".color .swatch-option", Some(Zone::Variant)),
            ("#qty", Some(Zone::Quantity)),
            ("#product-addtocart-button span", Some(Zone::Cta)),
            (".product-reviews-summary", Some(Zone::Reviews)),
            ("[itemprop=review]", Some(Zone::Reviews)),
            ("#block-discount b", Some(Zone::Coupon)),
            ("[data-role]", Some(Zone::Checkout)),
        ],
    );
    shop.remove();
}

#[wasm_bindgen_test]
fn what_the_shop_marks_goes_before_what_its_markup_gives_away() {
    let shop = add(
        "<div><div data-waver-zone=reviews><b itemprop=price class=a>89</b></div><div data-waver-zone=none><b itemprop=price class=b>89</b></div>\
        <div data-waver-ignore><b itemprop=price class=c>89</b><b data-waver-zone=price class=d>89</b></div></div>",
    );
    zones(&shop, &[(".a", Some(Zone::Reviews)), (".b", None), (".c", None), (".d", None)]);
    shop.remove();
}

/// What the page gives away with this markup in it.
fn shown(markup: &str) -> (Option<PageType>, Option<ItemRef>) {
    let holder = add(&["<div>", markup, "</div>"].concat());
    let shown = waver_runtime::shown(true);
    holder.remove();
    shown
}

fn described(json: &str) -> (Option<PageType>, Option<ItemRef>) {
    shown(&format!("<script type='application/ld+json'>{json}</script>"))
}

#[wasm_bindgen_test]
fn a_product_is_told_by_schema_org_if_it_is_the_only_one() {
    let product = |name: &str| (Some(PageType::Product), Some(ItemRef::from_label(name)));
    let nothing = (None, None);
    assert_eq!(described(r#"{"@type":"Product","sku":"R-1","offers":{"@type":"Offer"}}"#), product("R-1"));
    assert_eq!(described(r#"[{"@type":"BreadcrumbList"},{"@type":["Product","Thing"],"productID":7}]"#), product("7"));
    assert_eq!(
        described(r#"{"@graph":[{"@type":"WebPage"},{"@type":"ProductGroup","@id":"urn:g"}]}"#),
        product("urn:g")
    );
    assert_eq!(described(r#"{"@type":"ItemPage","mainEntity":{"@type":"Product","sku":"M"}}"#), product("M"));
    assert_eq!(described(r#"{"@type":"Product"}"#), (Some(PageType::Product), None));
    assert_eq!(described(r#"[{"@type":"Product","sku":"1"},{"@type":"Product","sku":"2"}]"#), nothing);
    assert_eq!(
        described(r#"{"@type":"ItemList","itemListElement":[{"item":{"@type":"Product","sku":"1"}}]}"#),
        nothing
    );
    for hostile in ["{", "null", "7", "[[[[]]]]", r#"{"@graph":{"@graph":7}}"#, r#"{"@type":{"length":1e9}}"#] {
        assert_eq!(described(hostile), nothing, "{hostile}");
    }
    let long = format!(r#"{{"@type":"Product","sku":"R-1","description":"{}"}}"#, "x".repeat(40_000));
    assert_eq!(described(&long), nothing, "too long to be read");
    let microdata = "<p itemscope itemtype='http://schema.org/Product'><meta itemprop=sku content=R-9></p>";
    assert_eq!(shown(microdata), product("R-9"));
    assert_eq!(shown(&microdata.repeat(2)), nothing, "a list of products");
}

#[wasm_bindgen_test]
fn platforms_tell_the_kind_of_page() {
    let body = page::document().body().expect("a body");
    for (classes, kind) in [
        ("theme-storefront woocommerce-checkout woocommerce-order-received", Some(PageType::Confirmation)),
        ("woocommerce-checkout woocommerce-page", Some(PageType::Checkout)),
        ("single-product woocommerce", Some(PageType::Product)),
        ("catalog-category-view page-products", Some(PageType::List)),
        ("checkout-cart-index", Some(PageType::Cart)),
        ("my-single-product-theme", None),
    ] {
        body.set_class_name(classes);
        assert_eq!(waver_runtime::shown(true).0, kind, "{classes}");
        assert_eq!(waver_runtime::shown(false).0, None, "of the page that was loaded, and not of this view");
    }
    body.set_class_name("");
    act("window.ShopifyAnalytics = { meta: { page: { pageType: 'product', resourceId: 42 } } }");
    assert_eq!(waver_runtime::shown(true), (Some(PageType::Product), Some(ItemRef::from_label("42"))));
    act("window.ShopifyAnalytics = { meta: { page: { pageType: 'collection', resourceId: 43 } } }");
    assert_eq!(waver_runtime::shown(true), (Some(PageType::List), None));
    act("delete window.ShopifyAnalytics");
}
