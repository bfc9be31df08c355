//! The scenes: for each sign those in which it is there, and beside them those that only look like it.

mod basket;
mod calm;
mod leaving;
mod product;
mod trouble;

use super::scene::Scene;

/// All of them, those first that take longest, so that others are played meanwhile.
pub fn all() -> Vec<Scene> {
    [leaving::scenes(), basket::scenes(), product::scenes(), trouble::scenes(), calm::scenes()].concat()
}

/// Pages of the demo shop.
mod pages {
    pub(super) const JACKET: &str = "product.html?id=skerry-jacket";
    pub(super) const BACKPACK: &str = "product.html?id=rook-backpack";
    pub(super) const MUG: &str = "product.html?id=pintail-mug";
    pub(super) const LIST: &str = "list.html?c=outerwear";
    pub(super) const CART: &str = "cart.html";
    pub(super) const CHECKOUT: &str = "checkout.html";
    pub(super) const ODD: &str = "odd.html";
}

/// Elements of the demo shop.
mod spots {
    pub(super) const CTA: &str = "[data-waver-zone=cta]";
    pub(super) const PRICE: &str = "main [data-waver-zone=price]";
    pub(super) const GO_TO_CHECKOUT: &str = "a[data-waver-zone=checkout]";
    pub(super) const LEAD: &str = ".lead";
    pub(super) const PICTURE: &str = "#gallery-picture";
    pub(super) const REVIEW: &str = "#reviews li p";
}
