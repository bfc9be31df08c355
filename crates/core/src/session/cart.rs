use serde::{Deserialize, Serialize};
use waver_schema::CommerceAction;

use super::trail::Trail;

/// The cart as the shop's events tell it, by the rules of [`crate::features`]: a view of the cart corrects it, an order empties it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CartTrail {
    settled: CartState,
    ahead: Trail<CartStep>,
}

/// What is known of the cart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CartState {
    /// Items in it.
    pub(crate) items: u32,
    /// Whether checkout has begun since the last order.
    pub(crate) checkout_begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum CartStep {
    Added(u32),
    Removed(u32),
    Listed { items: u32, checkout: bool },
    Ordered,
}

impl CartTrail {
    /// Takes in a shop event; those that do not touch the cart are passed over.
    pub(crate) fn step(&mut self, seq: u64, action: CommerceAction, quantity: u32) {
        let step = match action {
            CommerceAction::AddToCart => CartStep::Added(quantity.max(1)),
            CommerceAction::RemoveFromCart => CartStep::Removed(quantity.max(1)),
            CommerceAction::ViewCart => CartStep::Listed { items: quantity, checkout: false },
            CommerceAction::BeginCheckout => CartStep::Listed { items: quantity, checkout: true },
            CommerceAction::Purchase => CartStep::Ordered,
            _ => return,
        };
        self.ahead.insert(seq, step);
    }

    /// Everything up to `through` has arrived.
    pub(crate) fn settle(&mut self, through: u64) {
        self.settled = self.ahead.settle(through).into_iter().fold(self.settled, CartState::after);
    }

    /// The cart after all that arrived so far.
    pub(crate) fn now(&self) -> CartState {
        self.ahead.ahead().copied().fold(self.settled, CartState::after)
    }
}

impl CartState {
    fn after(self, step: CartStep) -> CartState {
        match step {
            CartStep::Added(items) => CartState { items: self.items.saturating_add(items), ..self },
            CartStep::Removed(items) => CartState { items: self.items.saturating_sub(items), ..self },
            CartStep::Listed { items, checkout } => {
                CartState { items, checkout_begun: self.checkout_begun || checkout }
            }
            CartStep::Ordered => CartState::default(),
        }
    }
}
