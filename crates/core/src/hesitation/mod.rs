//! Detectors of hesitation. Each is small, keeps decaying evidence, and says in its own file what it takes for hesitation, why, and what
//! it does not. What they have in common (scores, thresholds, reasons) is in [`crate::detector`].

mod cart_edit;
mod checkout_stall;
mod coupon_search;
mod cta_hover;
mod exit_intent;
mod fling;
mod form_refill;
mod hover;
mod idle_return;
mod price_dwell;
mod product_return;
mod scroll_oscillation;
mod tab_compare;
mod top_exit;
mod trail;
mod turns;
mod variant_switching;

use serde::{Deserialize, Serialize};
use waver_schema::{Feature, HesitationKind};

use crate::Signal;
use crate::detector::{self, Detector, Finding, Reported};
use crate::features::FeatureVector;

pub use crate::detector::{HesitationReason, REARM, THRESHOLD};

/// A hesitation as the page is told of it.
pub type Hesitation = Finding<HesitationKind>;

/// A score below this is not worth telling.
const LEAST: f64 = 0.005;

/// All detectors of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Detectors {
    cta_hover: cta_hover::CtaHover,
    price_dwell: price_dwell::PriceDwell,
    scroll_oscillation: scroll_oscillation::ScrollOscillation,
    variant_switching: variant_switching::VariantSwitching,
    coupon_search: coupon_search::CouponSearch,
    form_refill: form_refill::FormRefill,
    checkout_stall: checkout_stall::CheckoutStall,
    exit_intent: exit_intent::ExitIntent,
    kept: Kept,
}

/// What of the detectors crosses a page load: those whose evidence does, and what has been reported.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    cart_edit: cart_edit::CartEdit,
    tab_compare: tab_compare::TabCompare,
    product_return: product_return::ProductReturn,
    idle_return: idle_return::IdleReturn,
    reported: Reported,
}

impl Detectors {
    /// The detectors, in the order of [`HesitationKind::ALL`].
    fn each(&self) -> [&dyn Detector; 12] {
        [
            &self.cta_hover,
            &self.price_dwell,
            &self.scroll_oscillation,
            &self.variant_switching,
            &self.kept.cart_edit,
            &self.kept.tab_compare,
            &self.kept.product_return,
            &self.coupon_search,
            &self.form_refill,
            &self.checkout_stall,
            &self.exit_intent,
            &self.kept.idle_return,
        ]
    }

    fn each_mut(&mut self) -> [&mut dyn Detector; 12] {
        [
            &mut self.cta_hover,
            &mut self.price_dwell,
            &mut self.scroll_oscillation,
            &mut self.variant_switching,
            &mut self.kept.cart_edit,
            &mut self.kept.tab_compare,
            &mut self.kept.product_return,
            &mut self.coupon_search,
            &mut self.form_refill,
            &mut self.checkout_stall,
            &mut self.exit_intent,
            &mut self.kept.idle_return,
        ]
    }

    /// Takes a signal in and returns the hesitations that are to be reported because of it.
    pub(crate) fn observe(&mut self, signal: &Signal) -> Vec<Hesitation> {
        detector::observe(self.each_mut(), signal);
        let mut reported = self.kept.reported;
        let reports = detector::report(HesitationKind::ALL.iter().copied().zip(self.each()), &mut reported, signal.t);
        self.kept.reported = reported;
        reports
    }

    /// The hesitations with a score of at least half a hundredth at `now`.
    pub(crate) fn all(&self, now: u64) -> Vec<Hesitation> {
        let assessments = self.each().map(|detector| detector.assess(now));
        let told = HesitationKind::ALL.iter().zip(assessments).filter(|(_, assessment)| assessment.score() >= LEAST);
        told.map(|(kind, assessment)| assessment.finding(*kind, now)).collect()
    }

    pub(crate) fn measure(&self, now: u64, features: &mut FeatureVector) {
        let strongest = detector::measure(self.each(), now, features);
        features.set(Feature::Hesitation, strongest);
    }

    /// The score of exit intent alone, which the intent score looks at.
    pub(crate) fn exit_score(&self, now: u64) -> f64 {
        self.exit_intent.assess(now).score()
    }

    pub(crate) fn wake_at(&self) -> Option<u64> {
        self.each().into_iter().filter_map(Detector::wake_at).min()
    }

    pub(crate) fn keep(&self) -> Kept {
        self.kept.clone()
    }

    pub(crate) fn restore(kept: Kept) -> Detectors {
        Detectors { kept, ..Detectors::default() }
    }
}

#[cfg(test)]
mod tests;
