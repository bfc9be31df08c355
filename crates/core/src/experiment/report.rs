//! What may be said of each offer, from the sums of its sessions.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use waver_schema::{Arm, Currency, OfferId, PolicyVersion};

use super::{ALPHA, Assignment, Contrast, DAY_MS, FEWEST, Interval, Moments, SampleRatio, Sums, Trials, difference};

/// What is known of one offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferReport {
    /// The offer.
    pub offer: OfferId,
    /// Start of the first day that is in the report, Unix milliseconds.
    pub from: u64,
    /// End of the last one.
    pub to: u64,
    /// The currency of all money, that of most orders; null without any.
    pub currency: Option<Currency>,
    /// What may be said of it so far.
    pub standing: Standing,
    /// The sessions by arm.
    #[cfg_attr(feature = "openapi", schema(max_items = 3))]
    pub arms: Vec<ArmReport>,
    /// What the offer changed, over all sessions that were assigned to it or to its holdout, shown or not.
    pub assigned: Effects,
    /// The same over the sessions that came to the moment of rendering, in either arm.
    pub exposed: Effects,
    /// Whether both arms have the sessions that they should have.
    pub sample_ratio: RatioReport,
    /// The same of those that came to the moment of rendering.
    pub exposed_ratio: RatioReport,
}

/// What may be said of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Standing {
    /// Too few sessions bought, or did not, in one of the arms.
    TooFew,
    /// The arms do not have the sessions that they should have: nothing is to be believed.
    Broken,
    /// It may help, harm or change nothing.
    Open,
    /// It helps: the interval of its margin, or else its revenue, is above zero.
    Gain,
    /// It harms: an interval is below zero.
    Harm,
}

/// The sessions of one arm. Numbers that too few sessions stand behind are null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArmReport {
    /// The arm: `offer`, `holdout`, or `nothing` where that was learned or drawn in the offer's place.
    pub arm: Arm,
    /// Sessions that were assigned to it, and are over.
    pub assigned: u64,
    /// Those to which the offer was rendered, or would have been.
    pub exposed: Option<u64>,
    /// Those with an order after it.
    pub converted: u64,
    /// Orders after it.
    pub orders: u64,
    /// Value of these less refunds, in minor units.
    pub revenue_minor: Option<i64>,
    /// Their margin, in minor units; null where the shop did not tell that of all.
    pub margin_minor: Option<i64>,
    /// What was given back, in minor units.
    pub refunded_minor: Option<i64>,
}

/// What an offer changed for a session, on average. Null where too few sessions bought to say anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Effects {
    /// Of the share of sessions that buy.
    pub conversion: Option<Effect>,
    /// Of the value of their orders less refunds, in minor units.
    pub revenue_minor: Option<Effect>,
    /// Of their margin, in minor units; null where the shop did not tell that of all orders.
    pub margin_minor: Option<Effect>,
}

/// A difference between the arms, offer less holdout, with an interval that covers the truth at all times together in 95 experiments of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Effect {
    /// For a session.
    pub per_session: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// For all sessions that were offered something.
    pub total: f64,
}

/// Whether the arms have the sessions that they should have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatioReport {
    /// The share of the holdout that the policy asked for, 0..=1.
    pub expected: f64,
    /// The share that it has, 0..=1.
    pub found: f64,
    /// A p-value that holds however often it is looked at.
    pub p_value: f64,
    /// Whether it is below 0.01: the shares are wrong, and nothing else here is to be believed.
    pub alarm: bool,
}

/// What a harmful offer harmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Measure {
    /// The share of sessions that buy.
    Conversion,
    /// The value of their orders.
    Revenue,
    /// The margin of their orders.
    Margin,
}

/// Groups of sessions that were assigned with the same probabilities.
type Groups = BTreeMap<(PolicyVersion, u16), ArmSums>;

/// Sums of the arms of one group.
#[derive(Debug, Clone, Default)]
struct ArmSums {
    offer: Sums,
    holdout: Sums,
}

/// What is known of each offer, in the order of their names.
///
/// Of fewer than `k` sessions that bought, or did not, in an arm nothing is said; and what is said moves on by whole days, when as many more
/// have come to each arm: whoever looks daily does not learn by subtracting what a few sessions did. `today` is the day under way, which
/// is left out then. With `k` of 0 or 1 all is told at once.
pub fn report(trials: &Trials, k: u64, today: u32) -> Vec<OfferReport> {
    let offers: BTreeSet<&OfferId> = trials.iter().map(|(assignment, _)| &assignment.offer).collect();
    let of = |offer: &OfferId| -> Vec<(&Assignment, &Sums)> {
        trials.iter().filter(|(assignment, _)| assignment.offer == *offer).collect()
    };
    offers.into_iter().filter_map(|offer| OfferReport::of(offer, released(of(offer), k, today), k)).collect()
}

/// Which measure of an offer an interval says is harmed under `policy`, where one does. Of the money that is the margin where it is told of all
/// orders, else the revenue. Refuses to say so where the arms do not have the sessions that they should have.
pub fn harm(trials: &Trials, offer: &OfferId, policy: PolicyVersion) -> Option<(Measure, Effect)> {
    let is_of = |(assignment, _): &(&Assignment, &Sums)| assignment.offer == *offer && assignment.policy == policy;
    let cells: Vec<_> = trials.iter().filter(is_of).collect();
    let report = OfferReport::of(offer, cells, 0)?;
    if report.sample_ratio.alarm {
        return None;
    }
    harmed(&report.assigned)
}

fn harmed(effects: &Effects) -> Option<(Measure, Effect)> {
    let Effects { conversion, revenue_minor, margin_minor } = *effects;
    let money = margin_minor
        .map(|margin| (Measure::Margin, margin))
        .or(revenue_minor.map(|revenue| (Measure::Revenue, revenue)));
    let measures = [money, conversion.map(|conversion| (Measure::Conversion, conversion))];
    measures.into_iter().flatten().find(|(_, effect)| effect.high < 0.0)
}

/// Whether so many sessions did something, and as many did not.
fn are_enough(sums: &Sums, k: u64) -> bool {
    let (sessions, converted) = (sums.count(), u64::try_from(sums.converted).unwrap_or_default());
    converted >= k && sessions.saturating_sub(converted) >= k
}

/// The cells of the days up to the last one on which enough had come to each arm since the last such day. A function of the days' sums alone, so
/// that whoever asks again is told the same.
fn released<'a>(cells: Vec<(&'a Assignment, &'a Sums)>, k: u64, today: u32) -> Vec<(&'a Assignment, &'a Sums)> {
    if k <= 1 {
        return cells;
    }
    let (mut upto, mut since) = (0, BTreeMap::<Arm, Sums>::new());
    for (index, (assignment, sums)) in cells.iter().enumerate() {
        if assignment.day >= today {
            break;
        }
        since.entry(assignment.arm).or_default().add(sums);
        let is_last_of_day = cells.get(index + 1).is_none_or(|(next, _)| next.day != assignment.day);
        let has_both = [Arm::Offer, Arm::Holdout].iter().all(|arm| since.contains_key(arm));
        if is_last_of_day && has_both && since.values().all(|sums| are_enough(sums, k)) {
            (upto, since) = (index + 1, BTreeMap::new());
        }
    }
    cells[..upto].to_vec()
}

impl OfferReport {
    fn of(offer: &OfferId, cells: Vec<(&Assignment, &Sums)>, k: u64) -> Option<OfferReport> {
        let (first, last) = (cells.first()?.0.day, cells.last()?.0.day);
        let mut arms: BTreeMap<Arm, [Sums; 2]> = BTreeMap::new();
        for (assignment, sums) in &cells {
            arms.entry(assignment.arm).or_default()[usize::from(assignment.exposed)].add(sums);
        }
        let currency = main_currency(arms.values().flatten(), k);
        // Of the sessions that came to the moment of rendering something is said only where that says nothing of the few that did not.
        let tell_exposed = k <= 1
            || arms.values().all(|[unexposed, exposed]| {
                are_enough(exposed, k) && (unexposed.count() == 0 || are_enough(unexposed, k))
            });
        let assigned = effects(&groups(&cells, |_| true), currency);
        let exposed =
            if tell_exposed { effects(&groups(&cells, |exposed| exposed), currency) } else { Effects::default() };
        let (sample_ratio, exposed_ratio) = (ratio(&cells, |_| true), ratio(&cells, |exposed| exposed));
        let standing = standing(&assigned, &sample_ratio);
        let arm_report = |(arm, [unexposed, exposed]): (Arm, [Sums; 2])| {
            let mut sums = unexposed;
            sums.add(&exposed);
            ArmReport::of(arm, &sums, tell_exposed.then(|| exposed.count()), currency, k)
        };
        Some(OfferReport {
            offer: offer.clone(),
            from: u64::from(first) * DAY_MS,
            to: (u64::from(last) + 1) * DAY_MS,
            currency,
            standing,
            arms: arms.into_iter().map(arm_report).collect(),
            assigned,
            exposed,
            sample_ratio,
            exposed_ratio,
        })
    }
}

impl ArmReport {
    fn of(arm: Arm, sums: &Sums, exposed: Option<u64>, currency: Option<Currency>, k: u64) -> ArmReport {
        let money = currency.and_then(|currency| sums.money.get(&currency).copied()).unwrap_or_default();
        let is_told = |sessions: i64| sessions >= i64::try_from(k).unwrap_or(i64::MAX) || k <= 1;
        let has_margin = money.without_margin == 0 && currency.is_some();
        ArmReport {
            arm,
            assigned: sums.count(),
            exposed,
            converted: u64::try_from(sums.converted).unwrap_or_default(),
            orders: u64::try_from(sums.orders).unwrap_or_default(),
            revenue_minor: is_told(money.sessions).then_some(money.revenue.sum).filter(|_| currency.is_some()),
            margin_minor: (is_told(money.sessions) && has_margin).then_some(money.margin.sum),
            refunded_minor: is_told(money.refunded).then_some(money.refunded_minor).filter(|_| currency.is_some()),
        }
    }
}

/// The currency that most sessions ordered in, if those are `k` at least.
fn main_currency<'a>(sums: impl Iterator<Item = &'a Sums>, k: u64) -> Option<Currency> {
    let mut sessions: BTreeMap<Currency, i64> = BTreeMap::new();
    for (currency, money) in sums.flat_map(|sums| &sums.money) {
        *sessions.entry(*currency).or_default() += money.sessions;
    }
    let most = sessions.into_iter().max_by_key(|(currency, sessions)| (*sessions, std::cmp::Reverse(*currency)));
    most.filter(|(_, sessions)| u64::try_from(*sessions).is_ok_and(|sessions| sessions >= k.max(1)))
        .map(|(currency, _)| currency)
}

fn groups(cells: &[(&Assignment, &Sums)], is_wanted: impl Fn(bool) -> bool) -> Groups {
    let mut groups = Groups::new();
    for (assignment, sums) in cells.iter().filter(|(assignment, _)| is_wanted(assignment.exposed)) {
        let group = groups.entry((assignment.policy, assignment.holdout_milli)).or_default();
        match assignment.arm {
            Arm::Offer => group.offer.add(sums),
            Arm::Holdout => group.holdout.add(sums),
            // How many of these there are changes with what was learned, so that they are compared with nobody here.
            Arm::Nothing => {}
        }
    }
    groups
}

fn effects(groups: &Groups, currency: Option<Currency>) -> Effects {
    let sum = |of: fn(&ArmSums) -> &Sums| {
        groups.values().fold(Sums::default(), |mut sum, group| {
            sum.add(of(group));
            sum
        })
    };
    let (offer, holdout) = (sum(|group| &group.offer), sum(|group| &group.holdout));
    if !are_enough(&offer, FEWEST) || !are_enough(&holdout, FEWEST) {
        return Effects::default();
    }
    let effect = |of: &dyn Fn(&Sums) -> Option<Moments>| {
        let contrast = |group: &ArmSums| Some(Contrast { treated: of(&group.offer)?, control: of(&group.holdout)? });
        let contrasts = groups.values().map(contrast).collect::<Option<Vec<Contrast>>>()?;
        let Interval { estimate, low, high } = difference(&contrasts, ALPHA)?;
        Some(Effect { per_session: estimate, low, high, total: estimate * offer.count() as f64 })
    };
    Effects {
        conversion: effect(&|sums| Some(sums.conversion())),
        revenue_minor: currency.and_then(|currency| effect(&|sums| Some(sums.revenue(currency)))),
        margin_minor: currency.and_then(|currency| effect(&|sums| sums.margin(currency))),
    }
}

fn ratio(cells: &[(&Assignment, &Sums)], is_wanted: impl Fn(bool) -> bool) -> RatioReport {
    let mut counts: BTreeMap<(PolicyVersion, u16), [u64; 2]> = BTreeMap::new();
    let mut ratio = SampleRatio::default();
    let look = |ratio: &mut SampleRatio, counts: &BTreeMap<(PolicyVersion, u16), [u64; 2]>| {
        let shares = |holdout_milli: u16| {
            let holdout = f64::from(holdout_milli) / 1000.0;
            [1.0 - holdout, holdout]
        };
        let groups: Vec<_> = counts.iter().map(|((_, milli), counts)| (*counts, shares(*milli))).collect();
        ratio.look(groups.iter().map(|(counts, shares)| (counts.as_slice(), shares.as_slice())));
    };
    let mut day = None;
    for (assignment, sums) in cells.iter().filter(|(assignment, _)| is_wanted(assignment.exposed)) {
        // Without a holdout, or without anything else, there are no two arms.
        if !(1..1000).contains(&assignment.holdout_milli) || assignment.arm == Arm::Nothing {
            continue;
        }
        if day.replace(assignment.day).is_some_and(|before| before != assignment.day) {
            look(&mut ratio, &counts);
        }
        let arms = counts.entry((assignment.policy, assignment.holdout_milli)).or_default();
        arms[usize::from(assignment.arm == Arm::Holdout)] += sums.count();
    }
    look(&mut ratio, &counts);
    let all: u64 = counts.values().flatten().sum();
    let expected =
        counts.iter().map(|((_, milli), counts)| counts.iter().sum::<u64>() as f64 * f64::from(*milli) / 1000.0);
    let share = |part: f64| if all == 0 { 0.0 } else { part / all as f64 };
    RatioReport {
        expected: share(expected.sum()),
        found: share(counts.values().map(|counts| counts[1]).sum::<u64>() as f64),
        p_value: ratio.p_value(),
        alarm: ratio.is_alarm(),
    }
}

fn standing(effects: &Effects, ratio: &RatioReport) -> Standing {
    let money = effects.margin_minor.or(effects.revenue_minor).or(effects.conversion);
    match money {
        _ if ratio.alarm => Standing::Broken,
        None => Standing::TooFew,
        Some(_) if harmed(effects).is_some() => Standing::Harm,
        Some(effect) if effect.low > 0.0 => Standing::Gain,
        Some(_) => Standing::Open,
    }
}

#[cfg(test)]
mod tests;
