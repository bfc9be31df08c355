use waver_schema::Feature;

use crate::detector::{Assessment, Detector, sign};
use crate::evidence::{Decaying, confidence};
use crate::features::FeatureVector;
use crate::{FieldAct, FieldClass, Signal, SignalKind};

/// Evidence of changing again what had been filled in and left: three within half a minute, since one or two are corrections.
const EVIDENCE_PER_REFILL: f64 = 0.42;
/// Evidence of emptying such a field: further than changing it.
const EVIDENCE_PER_CLEAR: f64 = 0.25;
const HALF_LIFE_MS: f64 = 45_000.0;
/// How many fields are remembered.
const REMEMBERED: usize = 24;

/// Filling the same fields of a form again after having left them. Going back to a field is the costliest of what forms research counts
/// (re-focus and correction counts of Wroblewski 2008, Web Form Design). Correcting a typing error before leaving the field, correcting what the
/// page found fault with, changing what the browser filled in, walking through the fields by key, and fields that are there to be changed (search, quantity,
/// coupon, which has its own detector) are not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FormRefill {
    fields: Vec<Known>,
    refills: Decaying,
    clears: Decaying,
    count: u32,
    since: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    field: u32,
    state: State,
}

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Nothing of the shopper's is in it.
    Untouched,
    /// The shopper is filling it.
    Filling,
    /// The shopper has filled and left it.
    Filled,
    /// The page found fault with it: changing it is what it asks for.
    Faulty,
}

impl FormRefill {
    fn state_of(&mut self, field: u32) -> &mut State {
        let position = self.fields.iter().position(|known| known.field == field).unwrap_or_else(|| {
            self.fields.truncate(REMEMBERED - 1);
            self.fields.insert(0, Known { field, state: State::Untouched });
            0
        });
        &mut self.fields[position].state
    }
}

impl Detector for FormRefill {
    fn begin_view(&mut self) {
        *self = FormRefill::default();
    }

    fn observe(&mut self, signal: &Signal) {
        let SignalKind::Field { class, field, act } = signal.kind else { return };
        if field == 0 || matches!(class, FieldClass::Coupon | FieldClass::Search | FieldClass::Quantity) {
            return;
        }
        let state = self.state_of(field);
        let before = *state;
        *state = match (act, before) {
            (FieldAct::Focus, _) => before,
            (FieldAct::Edit | FieldAct::Clear, _) => State::Filling,
            (FieldAct::Fill, _) => State::Untouched,
            (FieldAct::Invalid, _) => State::Faulty,
            (FieldAct::Blur, State::Filling) => State::Filled,
            (FieldAct::Blur, _) => before,
        };
        if before == State::Filled && matches!(act, FieldAct::Edit | FieldAct::Clear) {
            self.refills.add(signal.t, HALF_LIFE_MS, 1.0);
            if act == FieldAct::Clear {
                self.clears.add(signal.t, HALF_LIFE_MS, 1.0);
            }
            self.count = self.count.saturating_add(1);
            self.since.get_or_insert(signal.t);
        }
    }

    fn assess(&self, now: u64) -> Assessment {
        let (refills, clears) = (self.refills.at(now, HALF_LIFE_MS), self.clears.at(now, HALF_LIFE_MS));
        let signs = [
            sign(Feature::FieldRefills, refills, refills * EVIDENCE_PER_REFILL),
            sign(Feature::FieldClears, clears, clears * EVIDENCE_PER_CLEAR),
        ];
        Assessment::new(None, &signs, confidence(f64::from(self.count), 2.0), self.since.unwrap_or(now))
    }

    fn measure(&self, now: u64, features: &mut FeatureVector) {
        features.set(Feature::FieldRefills, self.refills.at(now, HALF_LIFE_MS));
        features.set(Feature::FieldClears, self.clears.at(now, HALF_LIFE_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::THRESHOLD;
    use crate::detector::tests::peak;
    use crate::scene;
    use FieldAct::{Blur, Clear, Edit, Fill, Focus, Invalid};

    fn score(class: FieldClass, acts: &[(u64, u32, FieldAct)]) -> f64 {
        let signals: Vec<Signal> = acts.iter().map(|&(t, field, act)| scene::field(t, class, field, act)).collect();
        peak(FormRefill::default(), &signals)
    }

    /// A visit to a field: focus, three edits, blur.
    fn fill(t: u64, field: u32) -> Vec<(u64, u32, FieldAct)> {
        [(0, Focus), (400, Edit), (900, Edit), (1_400, Edit), (2_500, Blur)]
            .map(|(dt, act)| (t + dt, field, act))
            .into()
    }

    #[test]
    fn filling_fields_again_and_again_is_hesitation() {
        let visits: Vec<_> = [1, 2, 1, 2, 1].iter().enumerate().flat_map(|(n, &f)| fill(n as u64 * 6_000, f)).collect();
        assert!(score(FieldClass::Address, &visits) >= THRESHOLD);
        assert_eq!(score(FieldClass::Quantity, &visits), 0.0, "steppers and quantities are there to be changed");
        assert_eq!(score(FieldClass::Search, &visits), 0.0);
    }

    #[test]
    fn emptying_two_filled_fields_is() {
        let mut acts = [fill(0, 1), fill(4_000, 2)].concat();
        acts.extend([(9_000, 1, Clear), (10_000, 1, Edit), (11_000, 1, Blur), (12_000, 2, Clear), (13_000, 2, Edit)]);
        assert!(score(FieldClass::Contact, &acts) >= THRESHOLD);
    }

    #[test]
    fn filling_a_form_once_with_typing_errors_is_not() {
        let mut acts: Vec<_> = (1..15).flat_map(|field| fill(u64::from(field) * 4_000, field)).collect();
        acts.extend((0..9).map(|n| (60_000 + n * 700, 15, if n % 3 == 2 { Clear } else { Edit })));
        assert_eq!(score(FieldClass::Address, &acts), 0.0);
    }

    #[test]
    fn one_correction_is_not() {
        let acts = [fill(0, 1), fill(4_000, 2), fill(8_000, 1)].concat();
        assert!(score(FieldClass::Address, &acts) < THRESHOLD);
    }

    #[test]
    fn correcting_what_the_page_found_fault_with_is_not() {
        let mut acts: Vec<_> = (1..6).flat_map(|field| fill(u64::from(field) * 4_000, field)).collect();
        acts.extend((1..6).map(|field| (30_000, field, Invalid)));
        acts.extend((1..6).flat_map(|field| fill(30_000 + u64::from(field) * 4_000, field)));
        assert_eq!(score(FieldClass::Address, &acts), 0.0);
    }

    #[test]
    fn autofill_and_walking_through_by_key_are_not() {
        let mut acts: Vec<_> = (1..9).map(|field| (100, field, Fill)).collect();
        acts.extend((1..9).flat_map(|field| fill(u64::from(field) * 4_000, field)));
        assert_eq!(score(FieldClass::Contact, &acts), 0.0);
        let mut walk = fill(0, 1);
        walk.extend(
            (0..30)
                .flat_map(|n| [(9_000 + n * 500, 1 + n as u32 % 3, Focus), (9_300 + n * 500, 1 + n as u32 % 3, Blur)]),
        );
        assert_eq!(score(FieldClass::Contact, &walk), 0.0);
    }
}
