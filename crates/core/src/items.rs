//! The products at hand: the one that the page shows, and those in the cart. A decision may look at what the shop's catalogue says of them.

use serde::{Deserialize, Serialize};
use waver_schema::limits::ITEMS_PER_DECISION;
use waver_schema::{CartItem, CommerceAction, ItemRef};

use crate::SignalKind;

/// What the session's signals tell of them. It crosses page loads whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Items {
    pub(crate) shown: Option<ItemRef>,
    pub(crate) in_cart: Vec<CartItem>,
}

impl Items {
    pub(crate) fn observe(&mut self, kind: SignalKind) {
        match kind {
            SignalKind::View { item, .. } => self.shown = item,
            SignalKind::Commerce {
                action: CommerceAction::ViewCart | CommerceAction::BeginCheckout | CommerceAction::Purchase,
                ..
            } => {
                // The first two list the whole cart, item by item after this; an order empties it.
                self.in_cart.clear();
            }
            SignalKind::CartItem { action: CommerceAction::RemoveFromCart, item, quantity } => {
                self.in_cart.retain_mut(|held| {
                    if held.item == item {
                        held.quantity = held.quantity.saturating_sub(quantity);
                    }
                    held.quantity > 0
                });
            }
            SignalKind::CartItem { item, quantity, .. } => self.add(item, quantity),
            _ => {}
        }
    }

    fn add(&mut self, item: ItemRef, quantity: u32) {
        if let Some(held) = self.in_cart.iter_mut().find(|held| held.item == item) {
            held.quantity = held.quantity.saturating_add(quantity);
        } else if quantity > 0 && self.in_cart.len() < ITEMS_PER_DECISION {
            self.in_cart.push(CartItem { item, quantity });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(items: &mut Items, action: CommerceAction, listed: &[(&str, u32)]) -> Vec<(u64, u32)> {
        items.observe(SignalKind::Commerce {
            action,
            item: None,
            quantity: 0,
            value_minor: None,
            currency: None,
            order: None,
        });
        for (label, quantity) in listed {
            let item = ItemRef::from_label(label);
            items.observe(SignalKind::CartItem { action, item, quantity: *quantity });
        }
        items.in_cart.iter().map(|held| (held.item.get(), held.quantity)).collect()
    }

    #[test]
    fn the_cart_follows_what_the_shop_tells() {
        use CommerceAction::{AddToCart, BeginCheckout, Purchase, RemoveFromCart, ViewCart, ViewItem};
        let of = |label| ItemRef::from_label(label).get();
        let mut items = Items::default();
        assert_eq!(told(&mut items, AddToCart, &[("cup", 2)]), [(of("cup"), 2)]);
        assert_eq!(told(&mut items, AddToCart, &[("cup", 1), ("pan", 1)]), [(of("cup"), 3), (of("pan"), 1)]);
        assert_eq!(told(&mut items, ViewItem, &[]), [(of("cup"), 3), (of("pan"), 1)]);
        assert_eq!(told(&mut items, RemoveFromCart, &[("cup", 2)]), [(of("cup"), 1), (of("pan"), 1)]);
        assert_eq!(told(&mut items, RemoveFromCart, &[("cup", 9)]), [(of("pan"), 1)]);
        for listing in [ViewCart, BeginCheckout] {
            assert_eq!(told(&mut items, listing, &[("mug", 4)]), [(of("mug"), 4)], "a list corrects what was missed");
        }
        assert_eq!(told(&mut items, Purchase, &[]), []);
    }

    #[test]
    fn a_cart_of_any_size_has_a_bound() {
        let mut items = Items::default();
        for n in 0..100 {
            items.add(ItemRef::from_label(&n.to_string()), 1);
        }
        assert_eq!(items.in_cart.len(), ITEMS_PER_DECISION);
        items.add(ItemRef::from_label("99"), 0);
        items.add(ItemRef::from_label("7"), u32::MAX);
        assert_eq!(items.in_cart[7].quantity, u32::MAX);
    }
}
