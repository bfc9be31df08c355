//! Intent: how probable a purchase is, and leaving. The probability of a purchase comes from a fitted artifact, if the shell has handed over
//! one ([`crate::Engine::predict_by`]), and else from a set of rules, `rules-1`, whose weights are set by reasoning and not fitted; each score says
//! which it was. Of leaving no data set tells, so that it is by rules always.

mod history;
mod journey;
mod predictor;

use serde::{Deserialize, Serialize};
use waver_schema::{Feature, Stage, Trend};

use crate::detector::HesitationReason;
use crate::evidence::Decaying;
use crate::features::FeatureVector;
use crate::model::logistic;

pub use history::History;
pub(crate) use journey::Journey;
pub(crate) use predictor::Predictor;

/// Name of the rules below.
pub const RULES: &str = "rules-1";

/// The intent score as the page is told of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intent {
    /// Probability of a purchase in this session, 0..=1.
    pub p_buy: f64,
    /// Probability of leaving the shop soon, 0..=1.
    pub p_leave: f64,
    /// The stage.
    pub stage: Stage,
    /// Where `p_buy` is going.
    pub trend: Trend,
    /// What `p_buy` comes from: the name of an artifact, or [`RULES`] where there is none that can be used.
    pub model: String,
    /// The features that weighed most on `p_buy`, at most three, strongest first; weights in log-odds.
    pub reasons: Vec<HesitationReason>,
}

/// Log-odds of buying for a session of which nothing is known yet: about 2.7 %, the middle of what shops report.
const BUY_BIAS: f64 = -3.6;
/// Log-odds of leaving soon for the same.
const LEAVE_BIAS: f64 = -2.2;
/// From here a purchase is more likely than not. An artifact may bring another threshold of this name.
const HIGH: (&str, f64) = ("high", 0.5);
/// Three times the bias of the rules: interest has grown. An artifact may bring another threshold of this name.
const BUILDING: (&str, f64) = ("building", 0.08);
/// From here leaving is more likely than not.
const LEAVING: f64 = 0.5;
/// A stage is left only this far beyond its threshold, so that it does not flap.
const MARGIN: f64 = 0.02;
/// `p_buy` this far from its own recent mean is moving.
const TREND: f64 = 0.02;
/// Half-life of that mean.
const TREND_HALF_LIFE_MS: f64 = 20_000.0;

/// What a feature adds to the log-odds of buying. Counts weigh by their logarithm: the tenth view says less than the second.
fn buy_terms(features: &FeatureVector) -> [(Feature, f64); 7] {
    let value = |feature| features.get(feature);
    let log = |feature| libm::log1p(value(feature));
    [
        (Feature::ProductViews, 0.25 * log(Feature::ProductViews)),
        (Feature::ProductReturns, 0.30 * log(Feature::ProductReturns)),
        (Feature::EngagedMs, 0.12 * libm::log1p(value(Feature::EngagedMs) / 1_000.0)),
        // A third of carts become orders, and half of the checkouts: about 1.4 and 2 more log-odds.
        (Feature::CartItems, if value(Feature::CartItems) > 0.0 { 1.4 } else { 0.0 }),
        (Feature::CheckoutBegun, 2.0 * value(Feature::CheckoutBegun)),
        (Feature::CartRemoves, -0.5 * value(Feature::CartRemoves)),
        (Feature::Hesitation, -0.8 * value(Feature::Hesitation)),
    ]
}

/// State of the score between signals. It crosses page loads whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scorer {
    stage: Stage,
    mean: Option<Mean>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Mean {
    weighted: Decaying,
    weight: Decaying,
}

impl Default for Scorer {
    fn default() -> Scorer {
        Scorer { stage: Stage::Low, mean: None }
    }
}

impl Scorer {
    /// Scores without remembering.
    pub(crate) fn assess(
        &self,
        predictor: Option<&Predictor>,
        features: &FeatureVector,
        exit_score: f64,
        now: u64,
    ) -> Intent {
        let (p_buy, reasons) = match predictor {
            Some(predictor) => predictor.assess(features),
            None => by_rules(features),
        };
        let invested = features.get(Feature::CartItems) > 0.0;
        let p_leave = logistic(
            LEAVE_BIAS + 3.6 * exit_score + 0.8 * features.get(Feature::Hesitation) - if invested { 0.5 } else { 0.0 },
        );
        let threshold =
            |(name, by_rules)| predictor.and_then(|predictor| predictor.threshold(name)).unwrap_or(by_rules);
        Intent {
            p_buy,
            p_leave,
            stage: self.stage_of(p_buy, p_leave, threshold(HIGH), threshold(BUILDING)),
            trend: self.trend_of(p_buy, now),
            model: predictor.map_or(RULES, Predictor::name).to_owned(),
            reasons,
        }
    }

    /// Scores, remembers, and says whether the stage changed.
    pub(crate) fn update(
        &mut self,
        predictor: Option<&Predictor>,
        features: &FeatureVector,
        exit_score: f64,
        now: u64,
    ) -> (Intent, bool) {
        let intent = self.assess(predictor, features, exit_score, now);
        let mean = self.mean.get_or_insert(Mean { weighted: Decaying::default(), weight: Decaying::default() });
        mean.weighted.add(now, TREND_HALF_LIFE_MS, intent.p_buy);
        mean.weight.add(now, TREND_HALF_LIFE_MS, 1.0);
        let changed = intent.stage != self.stage;
        self.stage = intent.stage;
        (intent, changed)
    }

    fn stage_of(&self, p_buy: f64, p_leave: f64, high: f64, building: f64) -> Stage {
        // The stage one is in keeps its ground by the margin; the others have to be reached in full.
        let from = |stage, threshold| if self.stage == stage { threshold - MARGIN } else { threshold };
        if p_leave >= from(Stage::Leaving, LEAVING) {
            Stage::Leaving
        } else if p_buy >= from(Stage::High, high) {
            Stage::High
        } else if p_buy >= from(Stage::Building, building) {
            Stage::Building
        } else {
            Stage::Low
        }
    }

    fn trend_of(&self, p_buy: f64, now: u64) -> Trend {
        let Some(mean) = &self.mean else { return Trend::Flat };
        let mean = mean.weighted.at(now, TREND_HALF_LIFE_MS) / mean.weight.at(now, TREND_HALF_LIFE_MS);
        if p_buy > mean + TREND {
            Trend::Up
        } else if p_buy < mean - TREND {
            Trend::Down
        } else {
            Trend::Flat
        }
    }
}

fn by_rules(features: &FeatureVector) -> (f64, Vec<HesitationReason>) {
    let mut terms = buy_terms(features);
    let p_buy = logistic(BUY_BIAS + terms.iter().map(|(_, weight)| weight).sum::<f64>());
    terms.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let reasons = terms
        .iter()
        .filter(|(_, weight)| *weight != 0.0)
        .take(waver_schema::limits::REASONS_PER_HESITATION)
        .map(|&(feature, weight)| HesitationReason { feature, value: features.get(feature), weight });
    (p_buy, reasons.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(values: &[(Feature, f64)]) -> FeatureVector {
        let mut features = FeatureVector::default();
        for &(feature, value) in values {
            features.set(feature, value);
        }
        features
    }

    #[test]
    fn nothing_known_is_the_base_rate() {
        let intent = Scorer::default().assess(None, &FeatureVector::default(), 0.0, 0);
        assert!((0.02..0.04).contains(&intent.p_buy), "{}", intent.p_buy);
        assert_eq!((intent.stage, intent.trend), (Stage::Low, Trend::Flat));
    }

    #[test]
    fn a_cart_builds_checkout_is_high_and_a_strong_exit_leaves() {
        let cart = features(&[(Feature::CartItems, 1.0), (Feature::ProductViews, 2.0), (Feature::EngagedMs, 40_000.0)]);
        let checkout = features(&[
            (Feature::CartItems, 1.0),
            (Feature::ProductViews, 2.0),
            (Feature::EngagedMs, 90_000.0),
            (Feature::CheckoutBegun, 1.0),
        ]);
        let scorer = Scorer::default();
        assert_eq!(scorer.assess(None, &cart, 0.0, 0).stage, Stage::Building);
        assert_eq!(scorer.assess(None, &checkout, 0.0, 0).stage, Stage::High);
        assert_eq!(scorer.assess(None, &cart, 0.9, 0).stage, Stage::Leaving);
    }

    #[test]
    fn the_stage_goes_back_down_and_the_trend_follows() {
        let cart = features(&[(Feature::CartItems, 1.0), (Feature::ProductViews, 4.0), (Feature::EngagedMs, 60_000.0)]);
        let mut scorer = Scorer::default();
        scorer.update(None, &FeatureVector::default(), 0.0, 0);
        let (up, changed) = scorer.update(None, &cart, 0.0, 1_000);
        assert_eq!((up.trend, changed), (Trend::Up, true));
        let (down, changed) = scorer.update(None, &FeatureVector::default(), 0.0, 2_000);
        assert_eq!((down.stage, down.trend, changed), (Stage::Low, Trend::Down, true));
    }

    #[test]
    fn every_reason_is_one_that_weighed() {
        let intent = Scorer::default().assess(None, &features(&[(Feature::CartItems, 2.0)]), 0.0, 0);
        assert_eq!(intent.reasons.len(), 1);
        assert_eq!(intent.reasons[0].feature, Feature::CartItems);
    }
}
