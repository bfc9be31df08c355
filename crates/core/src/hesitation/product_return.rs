use serde::{Deserialize, Serialize};
use waver_schema::{CommerceAction, Feature, ItemRef, Navigation};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// Evidence of coming back to a product from another one.
const EVIDENCE_PER_RETURN: f64 = 0.4;
/// Evidence of coming back to one product again.
const EVIDENCE_PER_SAME_RETURN: f64 = 0.35;
const HALF_LIFE_MS: f64 = 300_000.0;
/// A view this soon after a step back is where the step led.
const BACK_MS: u64 = 5_000;
/// How many products are remembered.
const REMEMBERED: usize = 16;

/// Coming back to a product from another one: twice to the same, or three times to and fro, within some minutes. A reload, going back in the
/// history (that is how everyone leaves a page), a look into the cart in between, and a single comparison are not. It crosses page loads; putting
/// the product into the cart settles it for that product, an order for all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ProductReturn {
    /// Newest first, with how often it was come back to.
    seen: Vec<(ItemRef, u16)>,
    back_at: Option<u64>,
    returns: Decaying,
    same_returns: Decaying,
    count: u32,
    since: Option<u64>,
}

impl ProductReturn {
    fn view(&mut self, item: ItemRef, by_history: bool, now: u64) {
        let position = self.seen.iter().position(|(seen, _)| *seen == item);
        let mut returns = 0;
        match position {
            // The product of the last view: a reload.
            Some(0) => return,
            Some(position) => {
                returns = self.seen.remove(position).1;
                if !by_history {
                    returns = returns.saturating_add(1);
                    self.count = self.count.saturating_add(1);
                    self.since.get_or_insert(now);
                    self.returns.add(now, HALF_LIFE_MS, 1.0);
                    if returns > 1 {
                        self.same_returns.add(now, HALF_LIFE_MS, 1.0);
                    }
                }
            }
            None => self.seen.truncate(REMEMBERED - 1),
        }
        self.seen.insert(0, (item, returns));
    }
}

impl Detector for ProductReturn {
    fn begin_view(&mut self) {}

    fn observe(&mut self, signal: &Signal) {
        match signal.kind {
            SignalKind::Back => self.back_at = Some(signal.t),
            SignalKind::View { item, navigation, .. } => {
                let stepped_back = self.back_at.take().is_some_and(|back| signal.t.saturating_sub(back) <= BACK_MS);
                if let Some(item) = item {
                    self.view(item, stepped_back || navigation == Navigation::Restore, signal.t);
                }
            }
            SignalKind::Commerce { action: CommerceAction::AddToCart, item: Some(item), .. } => {
                if let Some(seen) = self.seen.iter_mut().find(|(seen, _)| *seen == item) {
                    seen.1 = 0;
                    (self.returns, self.same_returns, self.since) = (Decaying::default(), Decaying::default(), None);
                }
            }
            SignalKind::Commerce { action: CommerceAction::Purchase, .. } => *self = ProductReturn::default(),
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let (returns, same) = (self.returns.at(now, HALF_LIFE_MS), self.same_returns.at(now, HALF_LIFE_MS));
        let signs = [
            sign(Feature::ItemReturns, returns, returns * EVIDENCE_PER_RETURN),
            sign(Feature::SameItemReturns, same, same * EVIDENCE_PER_SAME_RETURN),
        ];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::ItemReturns, self.returns.at(now, HALF_LIFE_MS));
        features.set(Feature::SameItemReturns, self.same_returns.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, commerce, view};
    use waver_schema::PageType;

    fn visits(items: &[&str]) -> Vec<Signal> {
        items.iter().enumerate().map(|(n, item)| view(n as u64 * 15_000, PageType::Product, Some(item))).collect()
    }

    #[test]
    fn coming_back_to_one_product_twice_is_hesitation_and_so_is_to_and_fro() {
        assert!(peak(ProductReturn::default(), &visits(&["a", "b", "a", "c", "a"])) >= THRESHOLD);
        assert!(peak(ProductReturn::default(), &visits(&["a", "b", "a", "b", "a"])) >= THRESHOLD);
    }

    #[test]
    fn one_comparison_a_tour_and_reloads_are_not() {
        assert!(peak(ProductReturn::default(), &visits(&["a", "b", "a", "b"])) < THRESHOLD);
        assert_eq!(peak(ProductReturn::default(), &visits(&["a", "b", "c", "d", "e", "f"])), 0.0);
        assert_eq!(peak(ProductReturn::default(), &visits(&["a", "a", "a", "a"])), 0.0);
    }

    #[test]
    fn the_cart_in_between_and_going_back_are_not() {
        let over_the_cart: Vec<Signal> = (0..6)
            .map(|n| match n % 2 {
                0 => view(n * 9_000, PageType::Product, Some("a")),
                _ => view(n * 9_000, PageType::Cart, None),
            })
            .collect();
        assert_eq!(peak(ProductReturn::default(), &over_the_cart), 0.0);
        let back: Vec<Signal> = ["b", "c", "d", "e"]
            .iter()
            .enumerate()
            .flat_map(|(n, related)| {
                let t = n as u64 * 20_000;
                let onward = view(t + 10_000, PageType::Product, Some(related));
                let returning = view(t + 19_400, PageType::Product, Some("a"));
                [view(t, PageType::Product, Some("a")), onward, at(t + 19_000, SignalKind::Back), returning]
            })
            .collect();
        assert_eq!(peak(ProductReturn::default(), &back), 0.0);
    }

    #[test]
    fn the_cart_settles_it() {
        let mut signals = visits(&["a", "b", "a", "c", "a"]);
        signals.push(commerce(61_000, CommerceAction::AddToCart, Some("a")));
        assert_eq!(run(ProductReturn::default(), &signals).1.assess(61_000).score(), 0.0);
    }
}
