//! The shop that shoppers shop at: what it sells, and for how much.

use waver_schema::{Currency, ItemRef};

/// Something to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Its number on the wire.
    pub item: ItemRef,
    /// Its price in minor units.
    pub price_minor: u32,
}

impl Product {
    /// A product by the shop's own label for it.
    pub fn new(label: &str, price_minor: u32) -> Product {
        Product { item: ItemRef::from_label(label), price_minor }
    }
}

/// The products of the demo storefront, as `www/shop/products.js` has them (a test compares).
const PRODUCTS: [(&str, u32); 12] = [
    ("skerry-jacket", 18_900),
    ("fellside-sweater", 11_900),
    ("cairn-beanie", 2_900),
    ("bothy-socks", 1_900),
    ("tern-tent", 32_900),
    ("rook-backpack", 13_900),
    ("wick-lantern", 5_900),
    ("dipper-flask", 3_400),
    ("drift-blanket", 9_800),
    ("shore-bowls", 4_800),
    ("hearth-candle", 2_200),
    ("pintail-mug", 1_600),
];

/// How many products there are.
pub(super) const COUNT: usize = PRODUCTS.len();

/// The product number `index`, which is below [`COUNT`].
pub(super) fn product(index: usize) -> Product {
    let (label, price_minor) = PRODUCTS[index];
    Product::new(label, price_minor)
}

/// The shop's currency.
pub(super) fn currency() -> Option<Currency> {
    Currency::new("EUR").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sells_what_the_demo_storefront_sells() {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../www/shop/products.js");
        let source = std::fs::read_to_string(source).expect("the storefront's products");
        let after =
            |line: &str, key: &str| line.strip_prefix(key).map(|rest| rest.trim_matches(['\'', ',']).to_owned());
        let ids = source.lines().filter_map(|line| after(line, "    id: "));
        let prices = source.lines().filter_map(|line| after(line, "    price: "));
        let sold: Vec<(String, String)> = ids.zip(prices).collect();
        let known: Vec<(String, String)> =
            PRODUCTS.iter().map(|(label, price)| (label.to_string(), price.to_string())).collect();
        assert_eq!(known, sold);
    }
}
