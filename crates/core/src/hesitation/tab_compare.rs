use serde::{Deserialize, Serialize};
use waver_schema::{CommerceAction, DeviceClass, Feature, PageType};

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{Selected, Signal, SignalKind};

/// An absence shorter than this is a slip between tabs.
const SHORTEST_MS: u64 = 2_000;
/// A longer one is a pause, and [`super::idle_return`]'s.
const LONGEST_MS: u64 = super::idle_return::PAUSE_MS;
/// Evidence of an absence by someone with a mouse.
const EVIDENCE_PER_RETURN: f64 = 0.55;
/// The same by touch, where messages call one away.
const EVIDENCE_PER_RETURN_BY_TOUCH: f64 = 0.4;
/// Evidence of an absence soon after selecting price or title: what was copied is looked for elsewhere.
const EVIDENCE_OF_COPYING: f64 = 0.45;
/// How soon after the selection.
const COPIED_MS: u64 = 30_000;
/// A click this soon before the absence opened the other tab itself: a size guide, a policy.
const OPENED_MS: u64 = 1_000;
const HALF_LIFE_MS: f64 = 120_000.0;

/// Leaving a product or the cart for another tab or app and coming back, repeatedly within a minute or two, or once with the product's name or
/// price in the clipboard's reach. A single absence, a slip, a long one, a tab that the page itself opened, and absences in checkout (codes and banks ask for
/// them) are not. It crosses page loads; an order clears it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TabCompare {
    compares: bool,
    by_touch: bool,
    hidden_at: Option<u64>,
    clicked_at: Option<u64>,
    selected_at: Option<u64>,
    returns: Decaying,
    copied: Decaying,
    count: u32,
    since: Option<u64>,
}

impl Detector for TabCompare {
    fn begin_view(&mut self) {
        // The page was hidden because it was left.
        (self.hidden_at, self.clicked_at, self.selected_at) = (None, None, None);
    }

    fn observe(&mut self, signal: &Signal) {
        let now = signal.t;
        let within = |at: Option<u64>, ms| at.is_some_and(|at| now.saturating_sub(at) <= ms);
        match signal.kind {
            SignalKind::View { page, device, .. } => {
                self.compares = matches!(page, PageType::Product | PageType::Cart);
                self.by_touch = device == DeviceClass::Touch;
            }
            SignalKind::Click { .. } => self.clicked_at = Some(now),
            SignalKind::Selection { of: Selected::Price | Selected::Title } => self.selected_at = Some(now),
            SignalKind::Visibility { visible: false } if self.hidden_at.is_none() => {
                self.hidden_at = (!within(self.clicked_at, OPENED_MS)).then_some(now);
                self.selected_at = self.selected_at.filter(|at| within(Some(*at), COPIED_MS));
            }
            SignalKind::Visibility { visible: true } => {
                let away_ms = self.hidden_at.take().map(|hidden| now.saturating_sub(hidden));
                if self.compares && away_ms.is_some_and(|away| (SHORTEST_MS..LONGEST_MS).contains(&away)) {
                    self.returns.add(now, HALF_LIFE_MS, 1.0);
                    self.count = self.count.saturating_add(1);
                    self.since.get_or_insert(now);
                    if self.selected_at.take().is_some() {
                        self.copied.add(now, HALF_LIFE_MS, 1.0);
                    }
                }
            }
            SignalKind::Commerce { action: CommerceAction::Purchase, .. } => *self = TabCompare::default(),
            _ => {}
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let (returns, copied) = (self.returns.at(now, HALF_LIFE_MS), self.copied.at(now, HALF_LIFE_MS));
        let per_return = if self.by_touch { EVIDENCE_PER_RETURN_BY_TOUCH } else { EVIDENCE_PER_RETURN };
        let signs = [
            sign(Feature::TabReturns, returns, returns * per_return),
            sign(Feature::CopiedAway, copied, copied * EVIDENCE_OF_COPYING),
        ];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 1.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::TabReturns, self.returns.at(now, HALF_LIFE_MS));
        features.set(Feature::CopiedAway, self.copied.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::peak;
    use crate::scene::{at, touch_view, view};

    fn away(from: u64, ms: u64) -> [Signal; 2] {
        [(from, false), (from + ms, true)].map(|(t, visible)| at(t, SignalKind::Visibility { visible }))
    }

    fn score(page: PageType, signals: &[Signal]) -> f64 {
        peak(TabCompare::default(), &[&[view(0, page, Some("tent"))], signals].concat())
    }

    #[test]
    fn two_absences_are_hesitation_and_by_touch_three() {
        let absences = [away(10_000, 8_000), away(40_000, 20_000), away(75_000, 9_000)].concat();
        assert!(score(PageType::Product, &absences[..4]) >= THRESHOLD);
        let by_touch =
            |signals: &[Signal]| peak(TabCompare::default(), &[&[touch_view(0, PageType::Product)], signals].concat());
        assert!(by_touch(&absences[..4]) < THRESHOLD && by_touch(&absences) >= THRESHOLD);
    }

    #[test]
    fn one_absence_with_the_title_selected_is() {
        let select = |t| at(t, SignalKind::Selection { of: Selected::Title });
        let signals = [vec![select(8_000)], away(10_000, 8_000).to_vec()].concat();
        assert!(score(PageType::Product, &signals) >= THRESHOLD);
        let long_ago = [vec![select(8_000)], away(60_000, 8_000).to_vec()].concat();
        assert!(score(PageType::Product, &long_ago) < THRESHOLD);
    }

    #[test]
    fn one_absence_slips_and_pauses_are_not() {
        assert!(score(PageType::Product, &away(10_000, 8_000)) < THRESHOLD);
        let slips = [away(10_000, 900), away(20_000, 1_200), away(30_000, 600)].concat();
        assert_eq!(score(PageType::Product, &slips), 0.0);
        assert_eq!(score(PageType::Product, &[away(10_000, 300_000), away(400_000, 300_000)].concat()), 0.0);
    }

    #[test]
    fn banks_lists_and_tabs_that_the_page_opened_are_not() {
        let absences = [away(10_000, 8_000), away(40_000, 20_000), away(75_000, 9_000)].concat();
        assert_eq!(score(PageType::Checkout, &absences), 0.0);
        assert_eq!(score(PageType::List, &absences), 0.0);
        let opened =
            [10_000, 40_000, 75_000].map(|t| [vec![at(t - 200, SignalKind::click(None))], away(t, 8_000).to_vec()]);
        assert_eq!(score(PageType::Product, &opened.concat().concat()), 0.0);
    }

    #[test]
    fn going_from_page_to_page_is_not() {
        let signals: Vec<Signal> = (0..6)
            .flat_map(|n| {
                let t = n * 10_000;
                [view(t, PageType::Product, Some("a")), at(t + 6_000, SignalKind::Visibility { visible: false })]
            })
            .collect();
        assert_eq!(peak(TabCompare::default(), &signals), 0.0);
    }
}
