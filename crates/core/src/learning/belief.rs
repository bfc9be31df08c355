/// Most arms that are weighed against each other.
pub const MOST_ARMS: usize = 64;
/// How many deviations of a belief are looked at, and in how many steps.
const REACH: f64 = 10.0;
const STEPS: u32 = 120;

/// What is believed of the mean reward of an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Belief {
    /// A beta distribution.
    Rate {
        /// One more than the successes.
        alpha: f64,
        /// One more than the failures.
        beta: f64,
    },
    /// A normal distribution.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation, above 0.
        deviation: f64,
    },
    /// It is known.
    Known(f64),
}

impl Belief {
    /// Of a rate of which so many successes and failures were seen, before which every rate was as likely. `reshape` multiplies the deviation.
    pub fn rate(successes: f64, failures: f64, reshape: f64) -> Belief {
        // The excess over the even prior grows, so that of nothing seen nothing is known.
        let more = 1.0 / (reshape * reshape);
        Belief::Rate { alpha: 1.0 + more * successes.max(0.0), beta: 1.0 + more * failures.max(0.0) }
    }

    /// Of a mean that is so uncertain; known where it is not.
    pub fn normal(mean: f64, deviation: f64) -> Belief {
        if deviation > 0.0 { Belief::Normal { mean, deviation } } else { Belief::Known(mean) }
    }

    /// The probability that it is above 0.
    pub fn is_positive(&self) -> f64 {
        match *self {
            Belief::Rate { .. } => 1.0,
            Belief::Normal { mean, deviation } => 0.5 * libm::erfc(-mean / deviation / core::f64::consts::SQRT_2),
            Belief::Known(0.0) => 0.5,
            Belief::Known(value) => f64::from(u8::from(value > 0.0)),
        }
    }

    fn mean_and_deviation(&self) -> (f64, f64) {
        match *self {
            Belief::Rate { alpha, beta } => {
                let total = alpha + beta;
                (alpha / total, (alpha * beta / (total * total * (total + 1.0))).sqrt())
            }
            Belief::Normal { mean, deviation } => (mean, deviation),
            Belief::Known(value) => (value, 0.0),
        }
    }

    /// The logarithm of the density, up to a constant.
    fn log_density(&self, at: f64) -> f64 {
        match *self {
            Belief::Rate { alpha, beta } => {
                // 0 times the logarithm of 0 is 0 here: an exponent of 0 is a factor of 1.
                let power = |exponent: f64, base: f64| if exponent == 0.0 { 0.0 } else { exponent * libm::log(base) };
                if (0.0..=1.0).contains(&at) {
                    power(alpha - 1.0, at) + power(beta - 1.0, 1.0 - at)
                } else {
                    f64::NEG_INFINITY
                }
            }
            Belief::Normal { mean, deviation } => {
                let distance = (at - mean) / deviation;
                -0.5 * distance * distance
            }
            Belief::Known(_) => f64::NEG_INFINITY,
        }
    }
}

/// For each arm the probability that it is the best: what Thompson sampling would choose it with. They sum to 1; equals share evenly.
///
/// Worked out by quadrature over the points that matter to any of the beliefs, to some thousandths. Of more than [`MOST_ARMS`] the rest has
/// none.
pub fn chances(arms: &[Belief]) -> Vec<f64> {
    let weighed = &arms[..arms.len().min(MOST_ARMS)];
    let points = points(weighed);
    let below: Vec<Vec<f64>> = weighed.iter().map(|arm| cumulated(arm, &points)).collect();
    let mut chances = vec![0.0; arms.len()];
    for step in 1..points.len() {
        for (arm, chance) in chances.iter_mut().enumerate().take(weighed.len()) {
            let mass = below[arm][step] - below[arm][step - 1];
            if mass > 0.0 {
                let others = |step: usize| {
                    below
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| *other != arm)
                        .map(|(_, below)| below[step])
                        .product::<f64>()
                };
                *chance += mass * 0.5 * (others(step - 1) + others(step));
            }
        }
    }
    let total: f64 = chances.iter().sum();
    if total > 0.0 {
        chances.iter_mut().for_each(|chance| *chance /= total);
    }
    chances
}

/// The points at which beliefs are looked at, in order. What is known is there twice: before it and behind it.
fn points(arms: &[Belief]) -> Vec<f64> {
    let mut points = Vec::new();
    for arm in arms {
        let (mean, deviation) = arm.mean_and_deviation();
        if let Belief::Known(value) = arm {
            points.extend([*value, *value]);
            continue;
        }
        let (mut low, mut high) = (mean - REACH * deviation, mean + REACH * deviation);
        if let Belief::Rate { .. } = arm {
            (low, high) = (low.max(0.0), high.min(1.0));
        }
        points.extend((0..=STEPS).map(|step| low + (high - low) * f64::from(step) / f64::from(STEPS)));
    }
    points.sort_by(f64::total_cmp);
    points
}

/// The probability, at each of the points, that the arm is below it.
fn cumulated(arm: &Belief, points: &[f64]) -> Vec<f64> {
    if let Belief::Known(value) = *arm {
        // Of its two points the first is still before it; so are those of others that are known to be the same.
        let is_last = |index: usize| points.get(index + 1).is_none_or(|next| *next > value);
        let is_below = |(index, point): (usize, &f64)| *point > value || (*point == value && is_last(index));
        return points.iter().enumerate().map(|point| f64::from(u8::from(is_below(point)))).collect();
    }
    let logs: Vec<f64> = points.iter().map(|point| arm.log_density(*point)).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let densities: Vec<f64> = logs.iter().map(|log| libm::exp(log - largest)).collect();
    let mut below = vec![0.0; points.len()];
    for step in 1..points.len() {
        let area = 0.5 * (densities[step] + densities[step - 1]) * (points[step] - points[step - 1]);
        below[step] = below[step - 1] + area;
    }
    let total = below.last().copied().unwrap_or_default();
    below.iter_mut().for_each(|below| *below /= total);
    below
}
