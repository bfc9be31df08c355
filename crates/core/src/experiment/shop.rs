//! A shop whose offer is worth a known amount, run a thousand times and looked at every day.

use super::{ALPHA, Contrast, Interval, Moments, SampleRatio, difference};

const RUNS: u64 = 1_000;
const DAYS: u64 = 60;
const SESSIONS_A_DAY: u64 = 250;
const HOLDOUT: f64 = 0.1;
/// Mean value of an order: that of a log-normal distribution with these parameters of its logarithm.
const LOG_MEAN: f64 = 4.0;
const LOG_DEVIATION: f64 = 0.6;

/// Splitmix64: enough for a simulation, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn order(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        (LOG_MEAN + LOG_DEVIATION * normal).exp()
    }
}

/// What one arm is like: the share that buys, and what is left of an order.
#[derive(Clone, Copy)]
struct Truth {
    buys: f64,
    left: f64,
}

impl Truth {
    /// What a session is worth.
    fn worth(self) -> f64 {
        self.buys * self.left * (LOG_MEAN + LOG_DEVIATION * LOG_DEVIATION / 2.0).exp()
    }
}

/// The two arms of a run so far.
#[derive(Default)]
struct Run {
    conversion: Contrast,
    money: Contrast,
    /// Sessions, treated and held out, that reached the report.
    counts: [u64; 2],
}

impl Run {
    /// A day more. `kept` is the share of the holdout's sessions that reach the report at all.
    fn day(&mut self, dice: &mut Dice, treated: Truth, control: Truth, kept: f64) {
        for _ in 0..SESSIONS_A_DAY {
            let held_out = dice.unit() < HOLDOUT;
            if held_out && kept < 1.0 && dice.unit() >= kept {
                continue;
            }
            self.counts[usize::from(held_out)] += 1;
            let truth = if held_out { control } else { treated };
            let bought = dice.unit() < truth.buys;
            let value = if bought { dice.order() * truth.left } else { 0.0 };
            let (conversion, money) = if held_out {
                (&mut self.conversion.control, &mut self.money.control)
            } else {
                (&mut self.conversion.treated, &mut self.money.treated)
            };
            conversion.add(f64::from(u8::from(bought)));
            money.add(value);
        }
    }

    /// Conversion and money, as a report shows them: not before there are enough orders.
    fn intervals(&self) -> Option<[Interval; 2]> {
        let enough = |arm: Moments| arm.sum >= super::FEWEST as f64;
        (enough(self.conversion.treated) && enough(self.conversion.control)).then(|| {
            [self.conversion, self.money].map(|contrast| difference(&[contrast], ALPHA).expect("enough sessions"))
        })
    }
}

fn wald(contrast: Contrast) -> Interval {
    let Contrast { treated, control } = contrast;
    let estimate = treated.mean() - control.mean();
    let error = (treated.variance() / treated.count as f64 + control.variance() / control.count as f64).sqrt();
    Interval { estimate, low: estimate - 1.96 * error, high: estimate + 1.96 * error }
}

#[test]
fn intervals_looked_at_daily_cover_the_truth_in_95_of_100_shops_and_fixed_time_intervals_do_not() {
    let control = Truth { buys: 0.05, left: 0.4 };
    let treated = Truth { buys: 0.06, left: 0.36 };
    let truths = [treated.buys - control.buys, treated.worth() - control.worth()];
    let (mut covered, mut covered_at_fixed_time, mut shown) = ([0_u64; 2], [0_u64; 2], 0);
    for seed in 0..RUNS {
        let (mut run, mut dice) = (Run::default(), Dice(seed.wrapping_mul(0x0123_4567_89ab_cdef)));
        let (mut always, mut always_fixed, mut was_shown) = ([true; 2], [true; 2], false);
        for _ in 0..DAYS {
            run.day(&mut dice, treated, control, 1.0);
            let Some(intervals) = run.intervals() else { continue };
            was_shown = true;
            let fixed = [wald(run.conversion), wald(run.money)];
            for measure in 0..2 {
                always[measure] &= intervals[measure].covers(truths[measure]);
                always_fixed[measure] &= fixed[measure].covers(truths[measure]);
            }
        }
        shown += u64::from(was_shown);
        for measure in 0..2 {
            covered[measure] += u64::from(always[measure]);
            covered_at_fixed_time[measure] += u64::from(always_fixed[measure]);
        }
    }
    assert_eq!(shown, RUNS, "every run has an interval in the end");
    assert!(covered.iter().all(|runs| *runs >= RUNS * 95 / 100), "{covered:?} of {RUNS}");
    // The same test on intervals for one look fails: it can tell them apart.
    assert!(covered_at_fixed_time.iter().all(|runs| *runs < RUNS * 90 / 100), "{covered_at_fixed_time:?} of {RUNS}");
}

/// The day on which the interval of the money says harm; `None` if it never does.
fn harmful_since(seed: u64, treated: Truth, control: Truth) -> Option<u64> {
    let (mut run, mut dice) = (Run::default(), Dice(seed.wrapping_mul(0x0123_4567_89ab_cdef)));
    (0..DAYS).find(|_| {
        run.day(&mut dice, treated, control, 1.0);
        run.intervals().is_some_and(|[_, money]| money.high < 0.0)
    })
}

#[test]
fn an_offer_that_harms_is_stopped_and_one_that_changes_nothing_is_not() {
    let control = Truth { buys: 0.06, left: 0.4 };
    // An eighth more buy, and most of what was left goes to the discount.
    let harmful = Truth { buys: 0.0675, left: 0.1 };
    let days: Vec<u64> = (0..200).filter_map(|seed| harmful_since(seed, harmful, control)).collect();
    assert!(days.len() >= 190, "{} of 200 harmful offers were stopped", days.len());
    let stopped = (0..200).filter(|seed| harmful_since(*seed, control, control).is_some()).count();
    // Two and a half in a hundred is what the level allows below zero.
    assert!(stopped <= 8, "{stopped} of 200 offers without an effect were stopped");
}

#[test]
fn arms_that_lose_sessions_are_told_and_sound_ones_are_not() {
    let truth = Truth { buys: 0.0, left: 0.0 };
    let alarms = |runs: u64, kept| {
        let is_alarm = |seed: &u64| {
            let (mut run, mut dice, mut ratio) =
                (Run::default(), Dice(seed.wrapping_mul(0x0123_4567_89ab_cdef)), SampleRatio::default());
            for _ in 0..DAYS {
                run.day(&mut dice, truth, truth, kept);
                ratio.look([(run.counts.as_slice(), [1.0 - HOLDOUT, HOLDOUT].as_slice())].into_iter());
            }
            ratio.is_alarm()
        };
        (0..runs).filter(is_alarm).count()
    };
    let sound = alarms(400, 1.0);
    assert!(sound <= 4, "{sound} of 400 sound experiments were told to be broken");
    // A holdout that loses a fifth of its sessions.
    let broken = alarms(100, 0.8);
    assert!(broken >= 98, "{broken} of 100 broken ones were told");
}
