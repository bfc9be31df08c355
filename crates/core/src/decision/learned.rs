use serde::{Deserialize, Serialize};
use waver_schema::{DecisionId, OfferId};

use super::terms::Terms;

/// With which probability an offer is shown where nothing was learned of it: as likely as not.
const UNKNOWN: f64 = 0.5;

/// What was learned of the arms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// The offers among them, each with the choice of doing nothing in its place.
    pub arms: Vec<LearnedArm>,
}

/// What was learned of an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedArm {
    /// The offer.
    pub offer: OfferId,
    /// How likely it is to be drawn among the offers, 0 or more: those in the running are divided by their sum.
    pub weight: f64,
    /// Probability, 0..=1, with which it is then shown. Otherwise nothing is, and the session is one of its controls.
    pub show: f64,
}

/// An offer in the running, with the exact probabilities of what may become of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chance {
    /// Index into the policy's terms.
    pub(super) offer: usize,
    /// That it is drawn among the offers, 0..=1.
    pub(super) drawn: f64,
    /// That it is shown then, 0..=1, but for the holdout.
    pub(super) show: f64,
    /// Share of sessions, 0..=1, in its holdout.
    pub(super) holdout: f64,
}

impl Chance {
    /// Of an offer that is chosen without a draw.
    pub(super) fn certain(offer: usize, terms: &[Terms]) -> Chance {
        Chance { offer, drawn: 1.0, show: 1.0, holdout: share(terms[offer].holdout_milli) }
    }

    /// That this offer is shown.
    pub(super) fn shown(&self) -> f64 {
        self.drawn * self.show * (1.0 - self.holdout)
    }

    /// That it would be but for the holdout.
    pub(super) fn held_out(&self) -> f64 {
        self.drawn * self.show * self.holdout
    }

    /// That nothing is shown in its place.
    pub(super) fn nothing(&self) -> f64 {
        self.drawn * (1.0 - self.show)
    }
}

/// The chances of the arms `running`, indexes into `terms`. An arm that nothing is known of is drawn only if nothing is known of any, and
/// then each is as likely.
pub(super) fn chances(running: &[usize], terms: &[Terms], learned: Option<&Learned>) -> Vec<Chance> {
    let arms = learned.map(|learned| learned.arms.as_slice()).unwrap_or_default();
    let of = |index: usize| {
        let arm = arms.iter().find(|arm| arm.offer == terms[index].id);
        let weight = arm.map_or(0.0, |arm| if arm.weight.is_finite() { arm.weight.max(0.0) } else { 0.0 });
        let show = arm.map_or(UNKNOWN, |arm| if arm.show.is_nan() { UNKNOWN } else { arm.show.clamp(0.0, 1.0) });
        Chance { offer: index, drawn: weight, show, holdout: share(terms[index].holdout_milli) }
    };
    let mut chances: Vec<Chance> = running.iter().map(|index| of(*index)).collect();
    let sum: f64 = chances.iter().map(|chance| chance.drawn).sum();
    let each = 1.0 / chances.len() as f64;
    let is_known = sum > 0.0 && sum.is_finite();
    for chance in &mut chances {
        chance.drawn = if is_known { chance.drawn / sum } else { each };
    }
    chances
}

/// Draws one of `chances`, of which there is at least one, and whether it is to be shown. The same seed draws the same.
pub(super) fn draw(chances: &[Chance], seed: u64) -> (Chance, bool) {
    let mut left = unit(mixed(seed));
    let mut drawn = chances[0];
    // What rounding leaves over falls to the last that can be drawn at all.
    for chance in chances.iter().filter(|chance| chance.drawn > 0.0) {
        drawn = *chance;
        left -= chance.drawn;
        if left < 0.0 {
            break;
        }
    }
    (drawn, unit(mixed(mixed(seed))) < drawn.show)
}

/// Thousandths as a share, 0..=1.
fn share(milli: u16) -> f64 {
    f64::from(milli.min(1000)) / 1000.0
}

/// The seed of a decision: the first half of its id, which is random and in the log.
pub fn seed_of(decision: DecisionId) -> u64 {
    let bytes = decision.as_bytes();
    (0..8).fold(0, |seed, place| seed | u64::from(bytes[place]) << (8 * place))
}

/// One step of SplitMix64 (Steele, Lea and Flood 2014, figure 17): neighbouring seeds give unrelated numbers.
const fn mixed(seed: u64) -> u64 {
    let state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// A number in 0..1 out of the upper 53 bits, as many as a double has.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
