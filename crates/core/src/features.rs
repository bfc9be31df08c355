//! The one definition of features (invariant I5): browser, collector, replay and trainer measure a session with this code.

use serde::{Deserialize, Serialize};
use waver_schema::{Cart, CommerceAction, DeviceClass, Feature, ItemRef, PageType};

use crate::{Signal, SignalKind};

/// Number of features.
pub const COUNT: usize = Feature::ALL.len();
/// A pause longer than this is not attention: the shopper may have gone. What GA4 calls engagement needs a visible page; this also needs a sign of life.
const ATTENTION_GAP_MS: u64 = 5_000;
/// How many products are remembered, to recognise one that is looked at again.
const REMEMBERED_ITEMS: usize = 32;

/// A value for each [`Feature`], in the units that its documentation states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureVector([f64; COUNT]);

impl Default for FeatureVector {
    fn default() -> FeatureVector {
        FeatureVector([0.0; COUNT])
    }
}

impl FeatureVector {
    /// The value of `feature`.
    pub fn get(&self, feature: Feature) -> f64 {
        self.0[feature as usize]
    }

    /// Sets the value of `feature`. What is no number is 0: an earlier page may hand over whatever a script of the shop made of it.
    pub(crate) fn set(&mut self, feature: Feature, value: f64) {
        self.0[feature as usize] = if value.is_finite() { value } else { 0.0 };
    }

    /// Every feature with its value, in the order of [`Feature::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Feature, f64)> + '_ {
        Feature::ALL.iter().copied().zip(self.0)
    }
}

/// What is counted over a session. It crosses page loads whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) page: PageType,
    pub(crate) device: DeviceClass,
    pub(crate) cart: Cart,
    views: u32,
    product_views: u32,
    product_returns: u32,
    items: Vec<ItemRef>,
    cart_adds: u32,
    cart_views: u32,
    checkout_begun: bool,
    purchases: u32,
    hides: u32,
    clicks: u32,
    engaged_ms: u64,
    scroll_depth: f64,
    visible: bool,
    last: u64,
    reported: Attention,
}

/// What an `engagement` event has told already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Attention {
    engaged_ms: u64,
    clicks: u32,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            page: PageType::Other,
            device: DeviceClass::Mouse,
            cart: Cart::default(),
            views: 0,
            product_views: 0,
            product_returns: 0,
            items: Vec::new(),
            cart_adds: 0,
            cart_views: 0,
            checkout_begun: false,
            purchases: 0,
            hides: 0,
            clicks: 0,
            engaged_ms: 0,
            scroll_depth: 0.0,
            visible: true,
            last: 0,
            reported: Attention::default(),
        }
    }
}

impl Counters {
    pub(crate) fn observe(&mut self, signal: &Signal) {
        if !signal.kind.is_sign_of_life() {
            // The time that it covers counts once somebody does something.
            return;
        }
        let elapsed = signal.t.saturating_sub(self.last);
        self.last = self.last.max(signal.t);
        if self.visible && !matches!(signal.kind, SignalKind::View { .. }) {
            self.engaged_ms = self.engaged_ms.saturating_add(elapsed.min(ATTENTION_GAP_MS));
        }
        match signal.kind {
            SignalKind::View { page, device, item, .. } => self.view(page, device, item),
            SignalKind::Click { .. } => self.clicks = self.clicks.saturating_add(1),
            SignalKind::Scroll { y, range } if range > 0 => {
                let depth = (f64::from(y) / f64::from(range)).clamp(0.0, 1.0);
                self.scroll_depth = self.scroll_depth.max(depth);
            }
            SignalKind::Visibility { visible } => {
                self.hides = self.hides.saturating_add(u32::from(self.visible && !visible));
                self.visible = visible;
            }
            SignalKind::Commerce { action, quantity, value_minor, currency, .. } => {
                if currency.is_some() {
                    self.cart.currency = currency;
                }
                self.commerce(action, quantity, value_minor);
            }
            _ => {}
        }
    }

    fn view(&mut self, page: PageType, device: DeviceClass, item: Option<ItemRef>) {
        self.page = page;
        self.device = device;
        self.visible = true;
        self.scroll_depth = 0.0;
        self.views = self.views.saturating_add(1);
        self.product_views = self.product_views.saturating_add(u32::from(page == PageType::Product));
        if let Some(item) = item {
            match self.items.iter().position(|seen| *seen == item) {
                // Position 0 is the product of the last view: reloading it is not coming back to it.
                Some(position) => {
                    self.product_returns = self.product_returns.saturating_add(u32::from(position > 0));
                    self.items.remove(position);
                }
                None => self.items.truncate(REMEMBERED_ITEMS - 1),
            }
            self.items.insert(0, item);
        }
    }

    fn commerce(&mut self, action: CommerceAction, quantity: u32, value_minor: Option<u32>) {
        let cart = &mut self.cart;
        match action {
            CommerceAction::AddToCart => {
                self.cart_adds = self.cart_adds.saturating_add(1);
                cart.items = cart.items.saturating_add(quantity.max(1));
                cart.value_minor = cart.value_minor.saturating_add(value_minor.unwrap_or(0));
            }
            CommerceAction::RemoveFromCart => {
                cart.items = cart.items.saturating_sub(quantity.max(1));
                cart.value_minor = cart.value_minor.saturating_sub(value_minor.unwrap_or(0));
            }
            CommerceAction::ViewCart | CommerceAction::BeginCheckout => {
                self.cart_views = self.cart_views.saturating_add(u32::from(action == CommerceAction::ViewCart));
                self.checkout_begun |= action == CommerceAction::BeginCheckout;
                // The shop lists the whole cart with these two, so they correct what was missed before the grant.
                cart.items = quantity;
                cart.value_minor = value_minor.unwrap_or(cart.value_minor);
            }
            CommerceAction::Purchase => {
                self.purchases = self.purchases.saturating_add(1);
                self.checkout_begun = false;
                *cart = Cart { currency: cart.currency, ..Cart::default() };
            }
            _ => {}
        }
    }

    pub(crate) fn measure(&self, features: &mut FeatureVector) {
        for (feature, value) in [
            (Feature::Views, f64::from(self.views)),
            (Feature::ProductViews, f64::from(self.product_views)),
            (Feature::ProductReturns, f64::from(self.product_returns)),
            (Feature::EngagedMs, self.engaged_ms as f64),
            (Feature::ScrollDepth, self.scroll_depth),
            (Feature::CartAdds, f64::from(self.cart_adds)),
            (Feature::CartItems, f64::from(self.cart.items)),
            (Feature::CartViews, f64::from(self.cart_views)),
            (Feature::CheckoutBegun, f64::from(u8::from(self.checkout_begun))),
            (Feature::Hides, f64::from(self.hides)),
            (Feature::Clicks, f64::from(self.clicks)),
        ] {
            features.set(feature, value);
        }
    }

    /// Deepest scroll position of this view, 0..=1.
    pub(crate) fn scroll_depth(&self) -> f64 {
        self.scroll_depth
    }

    /// Attention (milliseconds, clicks) since this was last asked; `None` if there was none.
    pub(crate) fn take_attention(&mut self) -> Option<(u32, u32)> {
        let now = Attention { engaged_ms: self.engaged_ms, clicks: self.clicks };
        let before = std::mem::replace(&mut self.reported, now);
        // What an earlier page handed over may have been changed by any script of the shop.
        let engaged_ms = u32::try_from(now.engaged_ms.saturating_sub(before.engaged_ms)).unwrap_or(u32::MAX);
        let clicks = now.clicks.saturating_sub(before.clicks);
        (engaged_ms > 0 || clicks > 0).then_some((engaged_ms, clicks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waver_schema::{Navigation, Referrer};

    fn view(t: u64, item: Option<&str>) -> Signal {
        let kind = SignalKind::View {
            page: PageType::Product,
            navigation: Navigation::Load,
            referrer: Referrer::Internal,
            device: DeviceClass::Mouse,
            item: item.map(ItemRef::from_label),
        };
        Signal { t, kind }
    }

    fn commerce(action: CommerceAction, quantity: u32, value_minor: u32) -> Signal {
        let kind = SignalKind::Commerce {
            action,
            item: None,
            quantity,
            value_minor: Some(value_minor),
            currency: None,
            order: None,
        };
        Signal { t: 0, kind }
    }

    #[test]
    fn only_another_products_visit_in_between_makes_a_return() {
        let mut counters = Counters::default();
        for item in ["a", "a", "b", "a"] {
            counters.observe(&view(0, Some(item)));
        }
        assert_eq!((counters.product_views, counters.product_returns), (4, 1));
    }

    #[test]
    fn attention_leaves_out_pauses_and_hidden_time() {
        let mut counters = Counters::default();
        counters.observe(&view(0, None));
        for (t, kind) in [
            (1_000, SignalKind::click(None)),
            (61_000, SignalKind::click(None)),
            (62_000, SignalKind::Visibility { visible: false }),
            (90_000, SignalKind::Visibility { visible: true }),
        ] {
            counters.observe(&Signal { t, kind });
        }
        assert_eq!(counters.take_attention(), Some((1_000 + 5_000 + 1_000, 2)));
        assert_eq!(counters.take_attention(), None);
    }

    #[test]
    fn the_cart_follows_the_shops_events() {
        let mut counters = Counters::default();
        counters.observe(&commerce(CommerceAction::AddToCart, 2, 5_000));
        counters.observe(&commerce(CommerceAction::RemoveFromCart, 1, 2_500));
        assert_eq!((counters.cart.items, counters.cart.value_minor), (1, 2_500));
        counters.observe(&commerce(CommerceAction::ViewCart, 3, 9_900));
        assert_eq!((counters.cart.items, counters.cart.value_minor), (3, 9_900));
        counters.observe(&commerce(CommerceAction::Purchase, 3, 9_900));
        assert_eq!((counters.cart.items, counters.purchases), (0, 1));
    }
}
