//! The way of a single movement of the hand, pure: of simulated shoppers, and of the hands that drive real browsers in tests.

use super::dice::Dice;

/// Fitts's law for pointing with a mouse: milliseconds at no difficulty, and for each bit of it (MacKenzie, Sellen and Buxton 1991).
const FITTS_MS: (f64, f64) = (-107.0, 223.0);
/// Shortest and longest reach; outside of these the law was not measured.
const REACH_MS: (f64, f64) = (120.0, 1_600.0);
/// Pixels by which a hand at work trembles.
const TREMOR_PX: f64 = 0.7;
/// Share of reaches that overshoot and need a second, small one.
pub const OVERSHOOTS: f64 = 0.15;

/// Where the pointer is after each `sample_ms` while a hand reaches from one point for another that is `width` wide, in CSS pixels. Nowhere if it
/// is there already.
///
/// It takes the time of Fitts's law, goes the minimum-jerk way that hands go (Flash and Hogan 1985, J Neurosci 5:1688), bows to one side and
/// trembles.
pub fn reach(dice: &mut Dice, from: (f64, f64), to: (f64, f64), width: f64, sample_ms: u64) -> Vec<(f64, f64)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let distance = libm::hypot(dx, dy);
    if distance < 2.0 {
        return Vec::new();
    }
    let difficulty = libm::log2(distance / width.max(1.0) + 1.0);
    let law = (FITTS_MS.0 + FITTS_MS.1 * difficulty).clamp(REACH_MS.0, REACH_MS.1);
    let duration = law * dice.factor(0.15);
    let bow = distance * dice.deviation(0.04);
    let samples = (duration / sample_ms.max(1) as f64).round().max(1.0) as u64;
    let mut way = Vec::with_capacity(samples as usize);
    for n in 1..=samples {
        let share = n as f64 / samples as f64;
        let along = minimum_jerk(share);
        let aside = bow * libm::sin(std::f64::consts::PI * share);
        let (tremor_x, tremor_y) = (dice.deviation(TREMOR_PX), dice.deviation(TREMOR_PX));
        let x = from.0 + dx * along - aside * dy / distance + tremor_x;
        let y = from.1 + dy * along + aside * dx / distance + tremor_y;
        way.push((x, y));
    }
    way
}

/// The share of the way that a hand has gone after a share of the time, both 0..=1.
pub fn minimum_jerk(share: f64) -> f64 {
    share * share * share * (10.0 + share * (6.0 * share - 15.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shopper::Stream;

    #[test]
    fn a_reach_arrives_and_is_fastest_in_its_middle() {
        let mut dice = Dice::new(11, 0, Stream::Hand);
        let way = reach(&mut dice, (100.0, 500.0), (900.0, 120.0), 50.0, 16);
        let (x, y) = way.last().copied().expect("it moves");
        assert!(libm::hypot(x - 900.0, y - 120.0) < 5.0, "{x} {y}");
        let step = |n: usize| libm::hypot(way[n].0 - way[n - 1].0, way[n].1 - way[n - 1].1);
        assert!(step(way.len() / 2) > 3.0 * step(way.len() - 1), "{way:?}");
        assert!(reach(&mut dice, (5.0, 5.0), (6.0, 5.0), 50.0, 16).is_empty());
    }
}
