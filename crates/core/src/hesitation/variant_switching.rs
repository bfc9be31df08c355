use waver_schema::{CommerceAction, Feature, Zone};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{KeyClass, Signal, SignalKind};

/// Evidence of choosing an option again that was chosen before: three choices to and fro are one return more than looking takes.
const EVIDENCE_PER_RETURN: f64 = 0.55;
const HALF_LIFE_MS: f64 = 30_000.0;
/// A choice taken back this soon was a slip.
const SLIP_MS: u64 = 1_200;
/// Arrow keys choose every option that they pass.
const KEYED_MS: u64 = 1_000;
/// How many choices are remembered.
const REMEMBERED: usize = 12;

/// Going back and forth between variants: choosing options again that were chosen before, twice within about twenty seconds. Looking at each
/// colour once, a slip, arrow keys that pass over options, and turning pictures are not. Putting the product into the cart decides the matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct VariantSwitching {
    /// Newest first.
    chosen: Vec<Choice>,
    keyed_at: Option<u64>,
    returns: Decaying,
    count: u32,
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    group: u32,
    choice: u32,
    at: u64,
}

impl Detector for VariantSwitching {
    fn begin_view(&mut self) {
        *self = VariantSwitching::default();
    }

    fn observe(&mut self, signal: &Signal) {
        match signal.kind {
            SignalKind::Key { class: KeyClass::Move } => self.keyed_at = Some(signal.t),
            SignalKind::Commerce { action: CommerceAction::AddToCart, .. } => *self = VariantSwitching::default(),
            SignalKind::Variant { group, choice } => self.choose(Choice { group, choice, at: signal.t }),
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let returns = self.returns.at(now, HALF_LIFE_MS);
        let signs = [sign(Feature::VariantReturns, returns, returns * EVIDENCE_PER_RETURN)];
        let since = self.since.unwrap_or(now);
        Assessment::new(Some(Zone::Variant), &signs, confidence(f64::from(self.count), 2.0), since)
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::VariantReturns, self.returns.at(now, HALF_LIFE_MS));
    }
}

impl VariantSwitching {
    fn choose(&mut self, new: Choice) {
        let keyed = self.keyed_at.is_some_and(|keyed| new.at.saturating_sub(keyed) < KEYED_MS);
        let current = self.chosen.iter().find(|known| known.group == new.group);
        let (is_same, is_slip) = current.map_or((false, false), |current| {
            (current.choice == new.choice, new.at.saturating_sub(current.at) < SLIP_MS)
        });
        if is_same {
            return;
        }
        let known = |choice: &Choice| (choice.group, choice.choice) == (new.group, new.choice);
        if self.chosen.iter().any(known) && !is_slip && !keyed {
            self.returns.add(new.at, HALF_LIFE_MS, 1.0);
            self.count = self.count.saturating_add(1);
            self.since.get_or_insert(new.at);
        }
        self.chosen.retain(|choice| !known(choice));
        self.chosen.truncate(REMEMBERED - 1);
        self.chosen.insert(0, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::{peak, run};
    use crate::scene::{at, commerce};

    fn choosing(choices: &[(u64, u32)]) -> Vec<Signal> {
        choices.iter().map(|&(t, choice)| at(t, SignalKind::Variant { group: 1, choice })).collect()
    }

    #[test]
    fn to_and_fro_between_two_is_hesitation() {
        let signals = choosing(&[(0, 1), (4_000, 2), (9_000, 1), (15_000, 2)]);
        assert!(peak(VariantSwitching::default(), &signals) >= THRESHOLD);
    }

    #[test]
    fn looking_at_each_once_and_returning_to_the_best_is_not() {
        let tour: Vec<(u64, u32)> = (0..9).map(|n| (u64::from(n) * 2_500, n)).chain([(25_000, 3)]).collect();
        assert!(peak(VariantSwitching::default(), &choosing(&tour)) < THRESHOLD);
    }

    #[test]
    fn a_slip_and_one_choice_in_each_group_are_not() {
        assert_eq!(peak(VariantSwitching::default(), &choosing(&[(0, 1), (4_000, 2), (4_700, 1)])), 0.0);
        let one_group_each = (0..6).map(|n| at(n * 3_000, SignalKind::Variant { group: n as u32, choice: 1 }));
        assert_eq!(peak(VariantSwitching::default(), &one_group_each.collect::<Vec<_>>()), 0.0);
    }

    #[test]
    fn arrow_keys_that_pass_over_options_are_not() {
        let keyed: Vec<Signal> = [1, 2, 3, 2, 1, 2, 3, 2, 1]
            .iter()
            .enumerate()
            .flat_map(|(n, &choice)| {
                let t = n as u64 * 1_500;
                let key = at(t, SignalKind::Key { class: KeyClass::Move });
                [key, at(t + 10, SignalKind::Variant { group: 1, choice })]
            })
            .collect();
        assert_eq!(peak(VariantSwitching::default(), &keyed), 0.0);
    }

    #[test]
    fn the_cart_decides() {
        let mut signals = choosing(&[(0, 1), (4_000, 2), (9_000, 1), (15_000, 2)]);
        signals.push(commerce(16_000, CommerceAction::AddToCart, None));
        assert_eq!(run(VariantSwitching::default(), &signals).1, VariantSwitching::default());
    }
}
