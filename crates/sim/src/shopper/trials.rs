//! Reaches with and without a change of mind, simulated: what the weights of the task `path` that we ship are fitted on.
//!
//! A hand reaches as [`reach`] says. A mind that changes needs a quarter to half a second to show; by then the hand is farther on, or there. It
//! then goes over to the other target at once, the new movement added to what is left of the old one (Flash and Henis 1991, J Cogn Neurosci
//! 3:220), or it comes to a stop first. What else bends or delays a reach without a change of mind is there too: overshooting, a way around
//! something, a rest half way where there is something to read. Some of these look just like a change of mind, so that only what is more than that
//! comes to a high score.

use super::dice::{Dice, Stream};
use super::reach::{OVERSHOOTS, reach};

/// Milliseconds between two positions before they are sampled.
const STEP_MS: u64 = 4;
/// Milliseconds between the positions that a movement is drawn with.
const FRAME_MS: u64 = 16;
/// Milliseconds from a reason to change until the hand shows it, least and most (Henis and Flash 1995, Biol Cybern 72:407).
const REACTION_MS: (u64, u64) = (250, 500);
/// Share of reaches with a change of mind.
const CHANGES: f64 = 0.25;
/// Share of changes after which the hand stops before it goes over.
const STOPS: f64 = 0.5;
/// Shares of reaches without a change that go around something, and that rest on the way.
const DETOURS: f64 = 0.2;
const RESTS: f64 = 0.2;
/// Sampling of the pointer that browsers leave.
const SAMPLE_MS: [u64; 4] = [FRAME_MS, 33, 66, 110];

/// A simulated reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Who reached.
    pub person: u64,
    /// Whether the target changed on the way.
    pub changes: bool,
    /// When the reason to came, milliseconds after the beginning; without a change, when it could have.
    pub change_ms: u64,
    /// Milliseconds, and pixels to the right and down from where it began.
    pub samples: Vec<(u64, i32, i32)>,
}

/// The reaches of one person of the crowd `seed`.
pub fn trials(seed: u64, person: u64, count: usize) -> Vec<Trial> {
    let mut dice = Dice::new(seed, person, Stream::Hand);
    let hand = Habits {
        pace: dice.factor(0.25),
        reaction: dice.factor(0.15),
        sample_ms: SAMPLE_MS[dice.index(SAMPLE_MS.len())],
    };
    (0..count).map(|_| trial(&mut dice, person, &hand)).collect()
}

/// What a person's reaches have in common.
struct Habits {
    /// Time that a reach takes, of what Fitts's law says.
    pace: f64,
    /// Time of a reaction, of what people take on average.
    reaction: f64,
    sample_ms: u64,
}

type Way = Vec<(f64, f64)>;

fn trial(dice: &mut Dice, person: u64, hand: &Habits) -> Trial {
    let width = dice.real(24.0, 140.0);
    let distance = dice.real(160.0, 950.0);
    let direction = dice.real(0.0, std::f64::consts::TAU);
    let at = |distance: f64, direction: f64| (distance * libm::cos(direction), distance * libm::sin(direction));
    let target = at(distance, direction);
    let first = leg(dice, hand, (0.0, 0.0), target, width);
    let changes = dice.chance(CHANGES);
    let reason = (first.len() as f64 * dice.real(0.25, 0.75)) as usize;
    let way = if changes {
        let reaction = (dice.whole(REACTION_MS.0, REACTION_MS.1) as f64 * hand.reaction) as usize / STEP_MS as usize;
        let (away, aside) = (distance * dice.real(0.4, 1.4), dice.real(0.8, std::f64::consts::TAU - 0.8));
        // Seen from the first target the other one lies anywhere but straight on.
        let (x, y) = at(away, direction + aside);
        let other = (target.0 + x, target.1 + y);
        go_over(dice, hand, &first, reason + reaction, (target, other), width)
    } else {
        without_change(dice, hand, first, target, width)
    };
    let press_ms = dice.whole(80, 300);
    let change_ms = reason as u64 * STEP_MS;
    Trial { person, changes, change_ms, samples: sample(&way, hand.sample_ms, press_ms, dice) }
}

/// One movement, [`STEP_MS`] apart, at the pace of that hand.
fn leg(dice: &mut Dice, hand: &Habits, from: (f64, f64), to: (f64, f64), width: f64) -> Way {
    let mut points = vec![from];
    points.extend(reach(dice, from, to, width, FRAME_MS));
    let ms = (points.len() - 1) as f64 * FRAME_MS as f64 * hand.pace;
    let steps = ((ms / STEP_MS as f64) as usize).max(1);
    (1..=steps).map(|step| along(&points, step as f64 / steps as f64)).collect()
}

/// The position after a share of the time.
fn along(points: &[(f64, f64)], share: f64) -> (f64, f64) {
    let at = share * (points.len() - 1) as f64;
    let (before, part) = ((at as usize).min(points.len() - 1), at - libm::floor(at));
    let (from, to) = (points[before], points[(before + 1).min(points.len() - 1)]);
    (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)
}

fn go_over(
    dice: &mut Dice,
    hand: &Habits,
    first: &Way,
    at: usize,
    (target, other): ((f64, f64), (f64, f64)),
    width: f64,
) -> Way {
    let there = |step: usize| first[step.min(first.len() - 1)];
    if dice.chance(STOPS) {
        // What has begun cannot be stopped at once: it ends within a tenth of a second.
        let mut way: Way = (0..at + 25).map(there).collect();
        let stopped = there(at + 24);
        let rest = dice.whole(0, 260) / STEP_MS;
        way.extend((0..rest).map(|_| stopped));
        way.extend(leg(dice, hand, stopped, other, width));
        return way;
    }
    let over = leg(dice, hand, target, other, width);
    let steps = (at + over.len()).max(first.len());
    (0..steps)
        .map(|step| {
            let (x, y) = there(step);
            let added = step.checked_sub(at).map_or(target, |step| over[step.min(over.len() - 1)]);
            (x + added.0 - target.0, y + added.1 - target.1)
        })
        .collect()
}

fn without_change(dice: &mut Dice, hand: &Habits, first: Way, target: (f64, f64), width: f64) -> Way {
    let half_way = |share: f64, aside: f64| (target.0 * share - target.1 * aside, target.1 * share + target.0 * aside);
    let mut way = first;
    if dice.chance(DETOURS) {
        let (share, aside) = (dice.real(0.2, 0.9), dice.deviation(0.5));
        let around = half_way(share, aside);
        let to = leg(dice, hand, (0.0, 0.0), around, width * 2.0);
        let on = leg(dice, hand, around, target, width);
        // Around it without a stop: the second movement begins when the first is half done.
        let begins = to.len() / 2;
        way = (0..begins + on.len())
            .map(|step| {
                let (x, y) = to[step.min(to.len() - 1)];
                let added = step.checked_sub(begins).map_or(around, |step| on[step.min(on.len() - 1)]);
                (x + added.0 - around.0, y + added.1 - around.1)
            })
            .collect();
    } else if dice.chance(RESTS) {
        let (share, aside) = (dice.real(0.2, 0.9), dice.deviation(0.3));
        let stop = half_way(share, aside);
        way = leg(dice, hand, (0.0, 0.0), stop, width);
        let rest = dice.whole(60, 500) / STEP_MS;
        way.extend((0..rest).map(|_| stop));
        way.extend(leg(dice, hand, stop, target, width));
    }
    if dice.chance(OVERSHOOTS) {
        let by = half_way(1.0 + dice.real(0.03, 0.12), dice.deviation(0.04));
        let from = way[way.len() - 1];
        way.extend(leg(dice, hand, from, by, width));
        way.extend(leg(dice, hand, by, target, width));
    }
    way
}

/// What is seen of a way: a sample where the pointer is elsewhere than at the last one, and one when the button goes down.
fn sample(way: &Way, sample_ms: u64, press_ms: u64, dice: &mut Dice) -> Vec<(u64, i32, i32)> {
    let mut samples = vec![(0, 0, 0)];
    let (mut next, mut place) = (dice.whole(0, sample_ms), (0, 0));
    for (step, (x, y)) in way.iter().enumerate() {
        let (t, here) = ((step as u64 + 1) * STEP_MS, (libm::round(*x) as i32, libm::round(*y) as i32));
        if t >= next && here != place {
            samples.push((t, here.0, here.1));
            (next, place) = (t + sample_ms, here);
        }
    }
    let (x, y) = way[way.len() - 1];
    samples.push((way.len() as u64 * STEP_MS + press_ms, libm::round(x) as i32, libm::round(y) as i32));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reach_begins_and_ends_and_a_seed_tells_all() {
        let all: Vec<Trial> = (0..20).flat_map(|person| trials(3, person, 50)).collect();
        assert_eq!(all, (0..20).flat_map(|person| trials(3, person, 50)).collect::<Vec<_>>());
        assert_ne!(all[..50], trials(4, 0, 50));
        let changes = all.iter().filter(|trial| trial.changes).count();
        assert!((180..320).contains(&changes), "{changes} of 1,000");
        for trial in &all {
            assert!(trial.samples.len() >= 3 && trial.samples.is_sorted_by_key(|sample| sample.0), "{trial:?}");
            let last = trial.samples[trial.samples.len() - 1];
            assert!(last.0 > trial.change_ms && last.0 < 9_000, "{trial:?}");
            assert!(libm::hypot(f64::from(last.1), f64::from(last.2)) < 2_500.0, "{trial:?}");
        }
    }

    #[test]
    fn a_change_of_mind_lengthens_the_way() {
        let straightness = |trial: &Trial| {
            let length = |dx: i32, dy: i32| libm::hypot(f64::from(dx), f64::from(dy));
            let way: f64 =
                trial.samples.windows(2).map(|pair| length(pair[1].1 - pair[0].1, pair[1].2 - pair[0].2)).sum();
            let last = trial.samples[trial.samples.len() - 1];
            length(last.1, last.2) / way
        };
        let mean = |changes: bool| {
            let all = (0..20).flat_map(|person| trials(5, person, 40)).filter(|trial| trial.changes == changes);
            let all: Vec<f64> = all.map(|trial| straightness(&trial)).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        assert!(mean(false) > 0.9 && mean(true) < 0.75, "{} {}", mean(false), mean(true));
    }
}
