use serde::{Deserialize, Serialize};
use waver_schema::{CommerceAction, Feature, ItemRef};

use super::history::{History, Recall};
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// What a fitted intent looks at beside the counters: which products and categories the session went through and how quickly, and how that
/// compares with what earlier sessions left. An act is a view, or something put into the cart, on a wish list or bought. It crosses page loads whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Journey {
    /// As it was when the session began.
    past: History,
    hours_away: f64,
    began: Option<u64>,
    last: u64,
    step_ms: u64,
    wishes: u32,
    cart_adds: u32,
    purchases: u32,
    category: Option<ItemRef>,
    category_switches: u32,
    items: Recall,
    categories: Recall,
    carted: Recall,
    wished: Recall,
    known_items: u32,
    known_categories: u32,
    known_in_cart: u32,
    known_wished: u32,
}

impl Journey {
    /// Sets what earlier sessions left, and how long ago the last of them ended.
    pub(crate) fn remember(&mut self, past: History, hours_away: f64) {
        self.past = past;
        self.hours_away = if hours_away.is_finite() { hours_away.max(0.0) } else { 0.0 };
    }

    pub(crate) fn observe(&mut self, signal: &Signal) {
        match signal.kind {
            SignalKind::View { item, .. } => self.act(signal.t, item),
            SignalKind::Commerce { action: CommerceAction::AddToCart, item, .. } => {
                self.cart_adds = self.cart_adds.saturating_add(1);
                self.act(signal.t, item);
                item.into_iter().for_each(|item| self.carted.add(item));
            }
            SignalKind::Commerce { action: CommerceAction::AddToWishlist, item, .. } => {
                self.wishes = self.wishes.saturating_add(1);
                self.act(signal.t, item);
                item.into_iter().for_each(|item| self.wished.add(item));
            }
            SignalKind::Commerce { action: CommerceAction::Purchase, item, .. } => {
                self.purchases = self.purchases.saturating_add(1);
                self.act(signal.t, item);
                match item {
                    // An order of one product; shops that tell no product have emptied the cart.
                    Some(item) => {
                        self.carted.remove(item);
                        self.past.carted.remove(item);
                    }
                    None => {
                        self.carted = Recall::default();
                        self.past.carted = Recall::default();
                    }
                }
            }
            SignalKind::Category { category } => self.categorise(category),
            _ => {}
        }
    }

    fn act(&mut self, t: u64, item: Option<ItemRef>) {
        if self.began.is_some() {
            self.step_ms = t.saturating_sub(self.last);
        }
        self.began.get_or_insert(t);
        self.last = t;
        if let Some(item) = item {
            self.items.add(item);
            let count = |count: &mut u32, known: bool| *count = count.saturating_add(u32::from(known));
            count(&mut self.known_items, self.past.items.holds(item));
            count(&mut self.known_in_cart, self.past.carted.holds(item));
            count(&mut self.known_wished, self.past.wished.holds(item));
        }
    }

    fn categorise(&mut self, category: ItemRef) {
        let switched = self.category.is_some_and(|last| last != category);
        self.category_switches = self.category_switches.saturating_add(u32::from(switched));
        self.category = Some(category);
        self.categories.add(category);
        let known = u32::from(self.past.categories.holds(category));
        self.known_categories = self.known_categories.saturating_add(known);
    }

    /// The past with this session added to it.
    pub(crate) fn history(&self) -> History {
        let mut history = self.past.clone();
        if self.began.is_none() {
            return history;
        }
        history.sessions = history.sessions.saturating_add(1);
        history.cart_adds = history.cart_adds.saturating_add(self.cart_adds);
        history.wishes = history.wishes.saturating_add(self.wishes);
        history.purchases = history.purchases.saturating_add(self.purchases);
        history.items.add_all(&self.items);
        history.categories.add_all(&self.categories);
        history.carted.add_all(&self.carted);
        history.wished.add_all(&self.wished);
        history
    }

    pub(crate) fn measure(&self, features: &mut FeatureVector) {
        for (feature, value) in [
            (Feature::Wishes, f64::from(self.wishes)),
            (Feature::Items, self.items.count() as f64),
            (Feature::Categories, self.categories.count() as f64),
            (Feature::CategorySwitches, f64::from(self.category_switches)),
            (Feature::SessionMs, self.began.map_or(0.0, |began| self.last.saturating_sub(began) as f64)),
            (Feature::StepMs, self.step_ms as f64),
            (Feature::PastSessions, f64::from(self.past.sessions)),
            (Feature::PastCartAdds, f64::from(self.past.cart_adds)),
            (Feature::PastWishes, f64::from(self.past.wishes)),
            (Feature::PastPurchases, f64::from(self.past.purchases)),
            (Feature::HoursAway, self.hours_away),
            (Feature::KnownItems, f64::from(self.known_items)),
            (Feature::KnownCategories, f64::from(self.known_categories)),
            (Feature::KnownInCart, f64::from(self.known_in_cart)),
            (Feature::KnownWished, f64::from(self.known_wished)),
        ] {
            features.set(feature, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waver_schema::{DeviceClass, Navigation, PageType, Referrer};

    fn view(t: u64, item: &str, category: &str) -> [Signal; 2] {
        let kind = SignalKind::View {
            page: PageType::Product,
            navigation: Navigation::Load,
            referrer: Referrer::Internal,
            device: DeviceClass::Mouse,
            item: Some(ItemRef::from_label(item)),
        };
        [Signal { t, kind }, Signal { t, kind: SignalKind::Category { category: ItemRef::from_label(category) } }]
    }

    fn shop(t: u64, action: CommerceAction, item: &str) -> Signal {
        let item = Some(ItemRef::from_label(item));
        let kind = SignalKind::Commerce { action, item, quantity: 1, value_minor: None, currency: None, order: None };
        Signal { t, kind }
    }

    fn measured(journey: &Journey, feature: Feature) -> f64 {
        let mut features = FeatureVector::default();
        journey.measure(&mut features);
        features.get(feature)
    }

    fn session(past: History, signals: &[Signal]) -> Journey {
        let mut journey = Journey::default();
        journey.remember(past, 3.0);
        signals.iter().for_each(|signal| journey.observe(signal));
        journey
    }

    #[test]
    fn a_session_leaves_what_the_next_one_knows() {
        let mut signals = [view(0, "mug", "cups"), view(5_000, "pan", "pots"), view(9_000, "cup", "cups")].concat();
        signals.push(shop(9_500, CommerceAction::AddToCart, "cup"));
        signals.push(shop(9_600, CommerceAction::AddToWishlist, "pan"));
        let first = session(History::default(), &signals);
        for (feature, value) in [
            (Feature::Items, 3.0),
            (Feature::Categories, 2.0),
            (Feature::CategorySwitches, 2.0),
            (Feature::SessionMs, 9_600.0),
            (Feature::StepMs, 100.0),
            (Feature::KnownItems, 0.0),
            (Feature::PastSessions, 0.0),
        ] {
            assert_eq!(measured(&first, feature), value, "{feature:?}");
        }
        let next =
            session(first.history(), &[view(0, "cup", "cups"), view(1, "pan", "pots"), view(2, "new", "new")].concat());
        for (feature, value) in [
            (Feature::PastSessions, 1.0),
            (Feature::PastCartAdds, 1.0),
            (Feature::PastWishes, 1.0),
            (Feature::HoursAway, 3.0),
            (Feature::KnownItems, 2.0),
            (Feature::KnownCategories, 2.0),
            (Feature::KnownInCart, 1.0),
            (Feature::KnownWished, 1.0),
        ] {
            assert_eq!(measured(&next, feature), value, "{feature:?}");
        }
    }

    #[test]
    fn what_was_bought_is_no_longer_in_the_cart() {
        let carted = session(History::default(), &[shop(0, CommerceAction::AddToCart, "cup")]).history();
        let bought = session(carted, &[shop(0, CommerceAction::Purchase, "cup")]).history();
        assert_eq!((bought.purchases, bought.carted.count()), (1, 0));
    }

    #[test]
    fn a_session_in_which_nothing_happened_leaves_nothing() {
        assert_eq!(session(History::default(), &[]).history(), History::default());
    }

    #[test]
    fn memory_has_a_bound() {
        let mut history = History::default();
        for n in 0..10 {
            let signals: Vec<Signal> =
                (0..50).flat_map(|m| view(m, &format!("{n}.{m}"), &format!("c{n}.{m}"))).collect();
            history = session(history, &signals).history();
        }
        assert_eq!((history.items.count(), history.categories.count()), (64, 64));
        assert!(history.items.holds(ItemRef::from_label("9.49")) && !history.items.holds(ItemRef::from_label("8.0")));
    }
}
