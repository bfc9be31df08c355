use super::doubt::{Estimate, is_another_arm_better};
use super::{Belief, Settings, chances, with_floor};
use crate::experiment::Moments;

/// So many sessions that earned something must be known of an offer and its controls together before anything is believed of its worth.
const FEWEST_EARNING: u64 = 10;

/// What the sessions came to that an offer was drawn for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OfferSums {
    /// Those that were offered it.
    pub treated: Moments,
    /// Those that were offered nothing in its place: by the draw, or because they are in the holdout.
    pub control: Moments,
    /// How many of both earned something.
    pub earning: u64,
}

/// How an offer is drawn: among offers by weight, and then shown or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfferWorth {
    /// Its weight among the offers that may be made, above 0.
    pub weight: f64,
    /// The probability that it is shown, and not nothing in its place.
    pub show: f64,
}

/// How each of several offers is to be drawn. `pooled` is of all sessions, `own` of those of the stratum at hand (empty without strata).
///
/// An offer's worth is the difference between those who were offered it and its own controls. So offers for different shoppers can be held
/// against each other, and do-nothing is worth exactly nothing. First the offer is drawn by its chance of being worth most,
/// then whether it is shown by its chance of being worth more than nothing: that way what is shown, held back and held out of an offer are
/// sessions of the same kind, whichever other offers could have been made.
pub fn worth_of_offers(pooled: &[OfferSums], own: &[OfferSums], settings: &Settings) -> Vec<OfferWorth> {
    let offers = if is_personal(pooled, own) { own } else { pooled };
    let beliefs: Vec<Option<Belief>> = offers.iter().map(|offer| offer.belief(settings.reshape)).collect();
    // Of an offer that nothing is known of, the worth is as uncertain as that of the least certain one that something is known of.
    let widest = beliefs.iter().flatten().fold(0.0, |widest: f64, belief| match belief {
        Belief::Normal { deviation, .. } => widest.max(*deviation),
        Belief::Rate { .. } | Belief::Known(_) => widest,
    });
    let weighed: Vec<Belief> = beliefs.iter().map(|belief| belief.unwrap_or(Belief::normal(0.0, widest))).collect();
    let weights = with_floor(&chances(&weighed), settings.explore);
    let shown = |belief: &Belief| (1.0 - settings.explore) * belief.is_positive() + settings.explore * 0.5;
    weights.into_iter().zip(&weighed).map(|(weight, belief)| OfferWorth { weight, show: shown(belief) }).collect()
}

/// Whether the stratum's own sums are to decide: whether another offer, or nothing, is better there than what is best for all.
fn is_personal(pooled: &[OfferSums], own: &[OfferSums]) -> bool {
    let estimates = |offers: &[OfferSums]| {
        let mut estimates: Vec<Estimate> = offers.iter().map(OfferSums::estimate).collect();
        estimates.push(Estimate::ZERO);
        estimates
    };
    !own.is_empty() && is_another_arm_better(&estimates(pooled), &estimates(own))
}

impl OfferSums {
    fn estimate(&self) -> Estimate {
        let (treated, control) = (Estimate::of(&self.treated), Estimate::of(&self.control));
        if self.earning < FEWEST_EARNING || self.treated.count.min(self.control.count) < 2 {
            return Estimate { variance: f64::INFINITY, ..Estimate::ZERO };
        }
        Estimate {
            mean: treated.mean - control.mean,
            variance: treated.variance + control.variance,
            sessions: treated.sessions + control.sessions,
        }
    }

    /// What is believed of its worth; `None` while too little is known. The variance is that of both arms together: one that nobody earned in
    /// yet would be sure of itself otherwise.
    fn belief(&self, reshape: f64) -> Option<Belief> {
        let OfferSums { treated, control, earning } = self;
        if *earning < FEWEST_EARNING || treated.count.min(control.count) < 2 {
            return None;
        }
        let of_mean = treated.and(*control).variance() * (1.0 / treated.count as f64 + 1.0 / control.count as f64);
        Some(Belief::normal(treated.mean() - control.mean(), reshape * of_mean.sqrt()))
    }
}
