//! How much likelier one policy would have made what a session was shown than the other did.
//!
//! A session is shown something several times, and whether it is in the holdout is drawn once, by its lot: who was held out at one decision is so at the
//! next. So the probability of all that a session was shown is the integral over its lot of the product over its decisions, and not the product of
//! the probabilities of each.

use waver_schema::OfferId;

/// Below this, two probabilities are the same.
const SAME: f64 = 1e-9;

/// An offer that a decision may come to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prospect {
    /// The offer.
    pub(super) offer: OfferId,
    /// Probability, 0..=1, that it is drawn and would be shown but for the holdout.
    pub(super) drawn: f64,
    /// Share of sessions in its holdout, in thousandths.
    pub(super) holdout_milli: u16,
}

impl Prospect {
    /// Probability that it is shown to a session whose lot is so many thousandths of all.
    fn at(&self, lot_milli: u16) -> f64 {
        if lot_milli < self.holdout_milli { 0.0 } else { self.drawn }
    }

    /// Probability that it is shown to anybody.
    fn shown(&self) -> f64 {
        self.drawn * (1.0 - f64::from(self.holdout_milli.min(1000)) / 1000.0)
    }
}

/// A decision as two policies see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// What was shown, if anything.
    pub(super) shown: Option<OfferId>,
    /// What the policy in force might have come to.
    pub(super) logged: Vec<Prospect>,
    /// What the policy in question might.
    pub(super) asked: Vec<Prospect>,
}

/// Probability of showing `shown`, to anybody.
pub(super) fn marginal(prospects: &[Prospect], shown: Option<&OfferId>) -> f64 {
    match shown {
        Some(offer) => prospects.iter().filter(|prospect| prospect.offer == *offer).map(Prospect::shown).sum(),
        None => (1.0 - prospects.iter().map(Prospect::shown).sum::<f64>()).max(0.0),
    }
}

impl Choice {
    /// Everything that either policy might show, nothing included.
    fn possible(&self) -> impl Iterator<Item = Option<&OfferId>> {
        let offers = self.logged.iter().chain(&self.asked).map(|prospect| Some(&prospect.offer));
        let mut possible: Vec<Option<&OfferId>> = offers.chain([None]).collect();
        possible.sort_unstable();
        possible.dedup();
        possible.into_iter()
    }

    /// Whether the policies show everything with the same probability.
    pub(super) fn is_the_same(&self) -> bool {
        self.possible().all(|shown| (marginal(&self.logged, shown) - marginal(&self.asked, shown)).abs() < SAME)
    }

    /// Whether nothing can be shown by either.
    pub(super) fn is_empty(&self) -> bool {
        self.logged.is_empty() && self.asked.is_empty()
    }

    /// Probability with which the policy in question shows what the one in force never does.
    pub(super) fn untried(&self) -> f64 {
        self.possible()
            .filter(|shown| marginal(&self.logged, *shown) < SAME)
            .map(|shown| marginal(&self.asked, shown))
            .sum()
    }

    /// What the policy in question may show, with the probability of each.
    pub(super) fn asked(&self) -> impl Iterator<Item = (Option<&OfferId>, f64)> {
        self.possible().map(|shown| (shown, marginal(&self.asked, shown))).filter(|(_, probability)| *probability > 0.0)
    }
}

/// Probability of all that was shown under the policy in question, divided by that under the one in force. `None` where the latter could not have
/// shown it: then the log was not read aright.
pub(super) fn weight(choices: &[Choice]) -> Option<f64> {
    let mut ends: Vec<u16> = choices
        .iter()
        .flat_map(|choice| choice.logged.iter().chain(&choice.asked))
        .map(|prospect| prospect.holdout_milli.min(1000))
        .chain([0, 1000])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let probability = |of: fn(&Choice) -> &[Prospect]| -> f64 {
        ends.windows(2)
            .map(|lots| {
                let shown = |choice: &Choice| match &choice.shown {
                    Some(offer) => {
                        let of_offer = of(choice).iter().filter(|prospect| prospect.offer == *offer);
                        of_offer.map(|prospect| prospect.at(lots[0])).sum::<f64>()
                    }
                    None => (1.0 - of(choice).iter().map(|prospect| prospect.at(lots[0])).sum::<f64>()).max(0.0),
                };
                f64::from(lots[1] - lots[0]) / 1000.0 * choices.iter().map(shown).product::<f64>()
            })
            .sum()
    };
    let (logged, asked) = (probability(|choice| &choice.logged), probability(|choice| &choice.asked));
    (logged > 0.0).then(|| asked / logged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str) -> OfferId {
        OfferId::parse(name).expect("valid")
    }

    fn prospect(name: &str, drawn: f64, holdout_milli: u16) -> Prospect {
        Prospect { offer: offer(name), drawn, holdout_milli }
    }

    fn choice(shown: Option<&str>, logged: Vec<Prospect>, asked: Vec<Prospect>) -> Choice {
        Choice { shown: shown.map(offer), logged, asked }
    }

    #[test]
    fn one_decision_is_a_ratio_of_probabilities() {
        let (logged, asked) = (vec![prospect("a", 1.0, 100)], vec![prospect("a", 1.0, 500)]);
        let shown = choice(Some("a"), logged.clone(), asked.clone());
        assert!((weight(&[shown]).expect("possible") - 0.5 / 0.9).abs() < 1e-12);
        let held = choice(None, logged.clone(), asked);
        assert!((weight(std::slice::from_ref(&held)).expect("possible") - 5.0).abs() < 1e-12);
        assert_eq!((held.is_the_same(), held.untried()), (false, 0.0));
        assert!(choice(None, logged.clone(), logged.clone()).is_the_same());
        let other = choice(Some("a"), logged.clone(), vec![prospect("b", 1.0, 100)]);
        assert_eq!(weight(std::slice::from_ref(&other)), Some(0.0));
        assert!((other.untried() - 0.9).abs() < 1e-12);
        assert_eq!(weight(&[choice(Some("b"), logged, Vec::new())]), None);
    }

    /// Who is held out once is held out again: twice nothing is as likely as once.
    #[test]
    fn the_holdout_is_drawn_once_in_a_session() {
        let of = |shown| choice(shown, vec![prospect("a", 1.0, 100)], vec![prospect("a", 1.0, 200)]);
        let once = weight(&[of(None)]).expect("possible");
        let twice = weight(&[of(None), of(None)]).expect("possible");
        assert!((once - 2.0).abs() < 1e-12 && (twice - 2.0).abs() < 1e-12);
        assert_eq!(weight(&[of(None), of(Some("a"))]), None, "no lot is on both sides");
    }

    /// Whatever the policies are, what is expected of the weights over all that the log may hold is 1.
    #[test]
    fn weights_are_one_on_average() {
        let logged = [vec![prospect("a", 0.5, 100), prospect("b", 0.3, 250)], vec![prospect("b", 0.6, 100)]];
        let asked = [vec![prospect("a", 0.1, 300), prospect("b", 0.8, 300)], vec![prospect("b", 1.0, 400)]];
        let mut sum = 0.0;
        for first in [Some("a"), Some("b"), None] {
            for second in [Some("b"), None] {
                let choices = [
                    choice(first, logged[0].clone(), asked[0].clone()),
                    choice(second, logged[1].clone(), asked[1].clone()),
                ];
                // Its probability in the log, as the weight against a policy that is held against itself times nothing.
                let against_even: Vec<Choice> = choices
                    .iter()
                    .map(|one| Choice { asked: one.logged.clone(), logged: even(), ..one.clone() })
                    .collect();
                let in_log = weight(&against_even).expect("even") / 9.0;
                sum += in_log * weight(&choices).unwrap_or(0.0);
            }
        }
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }

    /// A policy that shows a, b and nothing alike.
    fn even() -> Vec<Prospect> {
        vec![prospect("a", 1.0 / 3.0, 0), prospect("b", 1.0 / 3.0, 0)]
    }
}
