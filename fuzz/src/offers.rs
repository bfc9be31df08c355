//! `offers.toml`: read, compiled, and asked for decisions.

use arbitrary::Unstructured;
use waver_policy::{MOST_OFFERS, Policy};
use waver_schema::{Arm, DecisionReason};

use crate::values;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.split('\n').count();
    let (policy, warnings) = match Policy::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(!error.problems.is_empty(), "refused without a reason");
            assert!(error.problems.iter().all(|problem| (1..=lines).contains(&problem.line)), "{error:?}");
            return;
        }
    };
    assert!(policy.version().len() == 16 && policy.version().bytes().all(|digit| digit.is_ascii_hexdigit()));
    assert!(policy.terms().len() <= MOST_OFFERS && policy.holdout_milli() <= 1000);
    for warning in &warnings {
        let is_known = warning.offer.as_ref().is_none_or(|offer| policy.index_of(offer).is_some());
        assert!((1..=lines).contains(&warning.line) && is_known, "{warning:?}");
    }
    let (said, _) = Policy::explain(text).expect("what was read is explained");
    assert!(said.iter().all(|line| (1..=lines).contains(&line.line)) && said.len() >= policy.terms().len());
    decide(&policy, bytes);
}

/// Whatever the facts, a decision is the same each time, names an offer of the policy for that slot, and respects who must not be offered
/// anything.
fn decide(policy: &Policy, bytes: &[u8]) {
    let mut bytes = Unstructured::new(bytes);
    let Ok(facts) = values::facts(&mut bytes) else { return };
    let (now, seed) = (bytes.arbitrary().unwrap_or_default(), bytes.arbitrary().unwrap_or_default());
    let (verdict, failures) = policy.decide(&facts, seed, now);
    for index in 0..policy.terms().len() {
        let allowance = policy.allowance(index, facts.at, &facts);
        assert!(allowance.is_none_or(|allowance| allowance.cost > 0 && allowance.period <= facts.at), "{allowance:?}");
    }
    policy.stratum(&facts);
    let (again, failures_again) = policy.decide(&facts, seed, now);
    assert_eq!(verdict, again);
    assert_eq!(failures.len(), failures_again.len());
    assert_eq!(verdict.offer.is_some(), verdict.arm == Arm::Offer);
    assert!(verdict.offer.is_none() || !verdict.holdout);
    assert!((0.0..=1.0).contains(&verdict.propensity), "{verdict:?}");
    if !facts.personalize {
        assert_eq!(verdict.reason, DecisionReason::NoConsent);
    } else if policy.kill_switch() {
        assert_eq!(verdict.reason, DecisionReason::KillSwitch);
    }
    if let Some(index) = verdict.offer.or(verdict.counterfactual) {
        assert!(facts.personalize && !policy.kill_switch() && facts.history.purchases == 0);
        let terms = &policy.terms()[index];
        assert!(!terms.is_off && !facts.around.spent.contains(&terms.id) && !facts.around.stopped.contains(&terms.id));
        assert!(terms.slots.contains(&facts.slot));
        let offer = policy
            .offer(index, None, 1_800_000_000_000, facts.around.item.as_ref())
            .expect("every offer has its default text");
        assert!(offer.id == terms.id && !offer.text.is_empty() && offer.expires_at >= 1_800_000_000_000, "{offer:?}");
    }
}
