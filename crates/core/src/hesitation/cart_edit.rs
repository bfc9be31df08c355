use serde::{Deserialize, Serialize};
use waver_schema::{CommerceAction, Feature, ItemRef};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Signal, SignalKind};

/// Evidence of taking something out, or of lowering its quantity.
const EVIDENCE_PER_REMOVAL: f64 = 0.6;
/// Evidence of putting back what was taken out.
const EVIDENCE_PER_RETURN: f64 = 0.5;
const HALF_LIFE_MS: f64 = 60_000.0;
/// How many removed items are remembered, to recognise one that is put back.
const REMEMBERED: usize = 8;
/// Steps of a quantity stepper come closer together than this and are one edit, whichever way they go: whoever steps too far steps back.
const STEPPING_MS: u64 = 2_000;

/// Taking out, putting back or lowering what is in the cart, twice or more within about a minute. Filling the cart, a single
/// correction, and a stepper pressed several times are not. The evidence crosses page loads; an order clears it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CartEdit {
    removals: Decaying,
    returns: Decaying,
    count: u32,
    removed: Vec<ItemRef>,
    since: Option<u64>,
    /// The item taken out last, and when a step of its quantity was last seen.
    stepped: Option<(Option<ItemRef>, u64)>,
}

impl CartEdit {
    /// Whether this is another step of the edit before it.
    fn steps_on(&mut self, item: Option<ItemRef>, now: u64) -> bool {
        let Some((of, at)) = &mut self.stepped else { return false };
        let steps_on = *of == item && now.saturating_sub(*at) < STEPPING_MS;
        if steps_on {
            *at = now;
        }
        steps_on
    }

    fn edited(&mut self, now: u64) {
        self.count = self.count.saturating_add(1);
        self.since.get_or_insert(now);
    }
}

impl Detector for CartEdit {
    fn begin_view(&mut self) {}

    fn observe(&mut self, signal: &Signal) {
        let SignalKind::Commerce { action, item, .. } = signal.kind else { return };
        match action {
            CommerceAction::RemoveFromCart | CommerceAction::AddToCart if self.steps_on(item, signal.t) => {}
            CommerceAction::RemoveFromCart => {
                self.stepped = Some((item, signal.t));
                self.removals.add(signal.t, HALF_LIFE_MS, 1.0);
                self.edited(signal.t);
                if let Some(item) = item {
                    self.removed.retain(|seen| *seen != item);
                    self.removed.truncate(REMEMBERED - 1);
                    self.removed.insert(0, item);
                }
            }
            CommerceAction::AddToCart => {
                if let Some(position) = self.removed.iter().position(|seen| Some(*seen) == item) {
                    self.removed.remove(position);
                    self.returns.add(signal.t, HALF_LIFE_MS, 1.0);
                    self.edited(signal.t);
                }
            }
            CommerceAction::Purchase => *self = CartEdit::default(),
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let (removals, returns) = (self.removals.at(now, HALF_LIFE_MS), self.returns.at(now, HALF_LIFE_MS));
        let signs = [
            sign(Feature::CartRemoves, removals, removals * EVIDENCE_PER_REMOVAL),
            sign(Feature::CartEdits, removals + returns, returns * EVIDENCE_PER_RETURN),
        ];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::CartRemoves, self.removals.at(now, HALF_LIFE_MS));
        features.set(Feature::CartEdits, self.removals.at(now, HALF_LIFE_MS) + self.returns.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::peak;

    fn edit(t: u64, action: CommerceAction, item: &str) -> Signal {
        let kind = SignalKind::Commerce {
            action,
            item: Some(ItemRef::from_label(item)),
            quantity: 1,
            value_minor: None,
            currency: None,
            order: None,
        };
        Signal { t, kind }
    }

    #[test]
    fn taking_out_and_putting_back_is_hesitation() {
        let signals = [edit(0, CommerceAction::RemoveFromCart, "mug"), edit(9_000, CommerceAction::AddToCart, "mug")];
        assert!(peak(CartEdit::default(), &signals) >= THRESHOLD);
    }

    #[test]
    fn filling_the_cart_and_one_correction_are_not() {
        let filling: Vec<Signal> = (0..9).map(|n| edit(n * 1_000, CommerceAction::AddToCart, "mug")).collect();
        assert_eq!(peak(CartEdit::default(), &filling), 0.0);
        assert!(peak(CartEdit::default(), &[edit(0, CommerceAction::RemoveFromCart, "mug")]) < THRESHOLD);
    }

    #[test]
    fn a_stepper_pressed_down_too_far_and_up_again_is_one_correction() {
        let steps = [
            edit(0, CommerceAction::RemoveFromCart, "mug"),
            edit(400, CommerceAction::RemoveFromCart, "mug"),
            edit(800, CommerceAction::RemoveFromCart, "mug"),
            edit(1_500, CommerceAction::AddToCart, "mug"),
        ];
        assert!(peak(CartEdit::default(), &steps) < THRESHOLD);
        let two = [edit(0, CommerceAction::RemoveFromCart, "mug"), edit(900, CommerceAction::RemoveFromCart, "bowl")];
        assert!(peak(CartEdit::default(), &two) >= THRESHOLD, "two different items are no stepper");
    }

    #[test]
    fn an_order_clears_it() {
        let mut detector = CartEdit::default();
        for signal in [edit(0, CommerceAction::RemoveFromCart, "mug"), edit(1, CommerceAction::Purchase, "mug")] {
            detector.observe(&signal);
        }
        assert_eq!(detector, CartEdit::default());
    }
}
