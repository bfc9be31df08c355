use super::storefront::Product;

/// What a shopper is up to.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Its own mind, by its persona.
    Own,
    /// A recorded session: its deeds in their order and pace. The persona only colours what lies between them.
    Follow(Recorded),
}

/// A session that somebody recorded, oldest deed first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// What was done, to which product, and how long before the next deed, in milliseconds.
    pub deeds: Vec<(Deed, Product, u64)>,
}

/// What a recorded shopper did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Looked at the product.
    View,
    /// Put it into the cart.
    Cart,
    /// Bought it.
    Purchase,
}
