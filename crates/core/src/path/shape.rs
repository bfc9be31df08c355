use super::reach::GRID_MS;

/// Number of measures.
pub const COUNT: usize = 17;
/// The names of the measures, by which a model asks for them, in the order of [`Shape::values`].
pub const NAMES: [&str; COUNT] = [
    "deviation",
    "deviation_at",
    "backward",
    "sideways",
    "away",
    "retreat",
    "stall_ms",
    "dip",
    "second_peak",
    "early_aim",
    "peak_left",
    "astray",
    "astray_ms",
    "first_leg",
    "turn_ms",
    "first_straight",
    "second_share",
];

/// Points over which positions are averaged: 100 ms, about the slowest sampling.
const SMOOTH: usize = 5;
/// A distance below this, pixels, is taken for this: what is left is tremor and rounding.
const LEAST_PX: f64 = 20.0;
/// Least distance, pixels, of a reach to judge. Below it the landing alone fills the shape.
const REACH_PX: f64 = 100.0;
/// Longest way of a reach to judge, in distances. Going to a wrong target as far away as the right one and from there to the right one is at
/// most 3; beyond 4 a pointer wanders.
const REACH_WAY: f64 = 4.0;
/// Longest time of a reach to judge, milliseconds. Of reaches for one target on a screen, with a change of mind or without, 99 in 100 take less.
const REACH_MS: u64 = 3_000;

/// What is measured of a reach. Distances are in units of the distance from its start to where the pointer is: the target, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// The measures, in the order of [`NAMES`], all finite:
    /// - `deviation`: mean distance from the straight line to the target;
    /// - `deviation_at`: share of the time after which it was farthest from this line, 0..=1;
    /// - `backward`, `sideways`: way gone against the direction of the target, and across it;
    /// - `away`, `retreat`: the most it went away from the target again, and all of these together;
    /// - `stall_ms`: longest stall on the way, under a tenth of the peak speed;
    /// - `dip`: lowest speed on the way, share of the peak speed, 0..=1;
    /// - `second_peak`: the second peak of speed as a share of the first, 0..=1;
    /// - `early_aim`: how far the first 0.15 of the way led elsewhere, `1 - cos`, 0..=2;
    /// - `peak_left`: distance left to the target at peak speed;
    /// - `astray`: way gone, weighted by how far it led elsewhere (`1 - cos`), the last 0.15 left out;
    /// - `astray_ms`: how long it moved more than 60 degrees off the target;
    /// - `first_leg`: distance of the turning point (the point of the longest detour) from the start;
    /// - `turn_ms`: time spent within 0.08 of it;
    /// - `first_straight`: how straight the way there was, 0..=1;
    /// - `second_share`: share of the time that came after it, 0..=1.
    pub values: [f64; COUNT],
    /// Whether this is a reach at all, and not a nudge or a search: at least 100 px, in at most 3 s, on a way of at most 4
    /// distances.
    pub reach: bool,
}

/// A point of the way as the target sees it.
#[derive(Clone, Copy)]
struct Point {
    /// Distance gone towards the target, and across.
    along: f64,
    across: f64,
    /// Distance to the start and to the target.
    from: f64,
    left: f64,
}

impl Shape {
    /// The shape of these positions, pixels, one per grid step; `None` for less than four, or when they are all one place.
    pub(super) fn of(points: &[(f64, f64)]) -> Option<Shape> {
        let (start, end) = (points.first()?, points.last()?);
        let moved = points.iter().any(|point| length(point.0 - start.0, point.1 - start.1) >= LEAST_PX / 2.0);
        if points.len() < 4 || !moved {
            return None;
        }
        let (x, y) = (end.0 - start.0, end.1 - start.1);
        let distance = length(x, y).max(LEAST_PX);
        // Back at the start there is no direction; any will do, since all lengths across and along count alike there.
        let (x, y) = if length(x, y) < 1.0 { (1.0, 0.0) } else { (x / length(x, y), y / length(x, y)) };
        let reached = length(end.0 - start.0, end.1 - start.1) / distance;
        let way: Vec<Point> = (0..points.len())
            .map(|index| {
                let (at_x, at_y) = smooth(points, index);
                let (at_x, at_y) = ((at_x - start.0) / distance, (at_y - start.1) / distance);
                let (along, across) = (at_x * x + at_y * y, at_y * x - at_x * y);
                Point { along, across, from: length(along, across), left: length(along - reached, across) }
            })
            .collect();
        let far = length(end.0 - start.0, end.1 - start.1) >= REACH_PX;
        let quick = (points.len() as u64 - 1) * GRID_MS <= REACH_MS;
        Some(measure(&way, reached, far && quick))
    }

    /// The values that a model asks for by `names`; a name that is none of ours gives 0.
    pub fn select<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = f64> + 'a {
        names.iter().map(|name| NAMES.iter().position(|known| known == name).map_or(0.0, |index| self.values[index]))
    }
}

/// The mean of the positions around `index`; beyond the ends those of the ends.
fn smooth(points: &[(f64, f64)], index: usize) -> (f64, f64) {
    let last = points.len() - 1;
    let (x, y) = (0..SMOOTH)
        .map(|offset| points[(index + offset).saturating_sub(SMOOTH / 2).min(last)])
        .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    (x / SMOOTH as f64, y / SMOOTH as f64)
}

fn measure(way: &[Point], reached: f64, reach: bool) -> Shape {
    let steps = way.len() - 1;
    let step = |n: usize| length(way[n + 1].along - way[n].along, way[n + 1].across - way[n].across);
    let step_ms = GRID_MS as f64;
    // Where the peak of speed, the farthest deviation and the turning point are.
    let (mut peak, mut widest, mut turn) = (0, 0, 0);
    for n in 1..steps {
        peak = if step(n) > step(peak) { n } else { peak };
    }
    for (n, point) in way.iter().enumerate() {
        widest = if point.across.abs() > way[widest].across.abs() { n } else { widest };
        turn = if point.from + point.left > way[turn].from + way[turn].left { n } else { turn };
    }
    let top = step(peak);
    // On the way: between the first and the last step of some speed.
    let fast = |n: &usize| step(*n) >= 0.3 * top;
    let first = (0..steps).find(fast).unwrap_or(0);
    let last = (0..steps).rev().find(fast).unwrap_or(0);

    let (mut deviation, mut backward, mut sideways, mut away, mut retreat) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut astray, mut astray_steps, mut turn_points) = (0.0, 0.0, 0.0);
    let (mut length_gone, mut to_turn, mut nearest) = (0.0, 0.0, f64::INFINITY);
    let (mut stall, mut still, mut dip) = (0, 0, 1.0);
    let mut peaks = Peaks::default();
    for (n, point) in way.iter().enumerate() {
        deviation += point.across.abs();
        nearest = f64::min(nearest, point.left);
        away = f64::max(away, point.left - nearest);
        turn_points += f64::from(length(point.along - way[turn].along, point.across - way[turn].across) < 0.08);
        if n == turn {
            to_turn = length_gone;
        }
        let Some(next) = way.get(n + 1) else { break };
        let (along, across, gone) = (next.along - point.along, next.across - point.across, step(n));
        length_gone += gone;
        backward += f64::max(-along, 0.0);
        sideways += across.abs();
        retreat += f64::max(next.left - point.left, 0.0);
        // How far this step leads elsewhere: 1 - cos of the angle to the target.
        let off = if gone * point.left > 0.0 {
            1.0 - (along * (reached - point.along) - across * point.across) / (gone * point.left)
        } else {
            0.0
        };
        astray += if point.left > 0.15 { gone * off } else { 0.0 };
        // Slower than a fifth of the distance in a second is no movement.
        astray_steps += f64::from(off > 0.5 && point.left > 0.1 && gone > 0.2 * step_ms / 1000.0);
        peaks.take(gone, top);
        if (first..=last).contains(&n) {
            still = if gone < 0.1 * top { still + 1 } else { 0 };
            stall = stall.max(still);
            dip = f64::min(dip, gone / top);
        }
    }
    let time = steps as f64;
    let early = way.iter().find(|point| point.from >= 0.15);
    let values = [
        deviation / way.len() as f64,
        widest as f64 / time,
        backward,
        sideways,
        away,
        retreat,
        f64::from(stall) * step_ms,
        dip,
        peaks.second_of_first(top),
        early.map_or(0.0, |point| 1.0 - point.along / point.from),
        way[peak].left,
        astray,
        astray_steps * step_ms,
        way[turn].from,
        turn_points * step_ms,
        if to_turn > 0.0 { f64::min(way[turn].from / to_turn, 1.0) } else { 1.0 },
        (steps - turn) as f64 / time,
    ];
    Shape { values, reach: reach && length_gone <= REACH_WAY }
}

/// The two highest peaks of speed with a dip between them: the movements of which a reach is made (Meyer et al. 1988, Psychol Rev 95:340).
#[derive(Default)]
struct Peaks {
    falling: bool,
    extreme: f64,
    first: f64,
    second: f64,
}

impl Peaks {
    /// A dip is below 0.6 of the peak before it; the next movement has to rise by as much. What is below an eighth of the `top` speed is none.
    fn take(&mut self, speed: f64, top: f64) {
        let counts = |speed: f64| speed > 0.12 * top;
        if self.falling {
            self.extreme = f64::min(self.extreme, speed);
            if speed > self.extreme / 0.6 && counts(speed) {
                (self.falling, self.extreme) = (false, speed);
            }
        } else {
            self.extreme = f64::max(self.extreme, speed);
            if speed < 0.6 * self.extreme && counts(self.extreme) {
                self.add(self.extreme);
                (self.falling, self.extreme) = (true, speed);
            }
        }
    }

    fn add(&mut self, peak: f64) {
        if peak > self.first {
            (self.first, self.second) = (peak, self.first);
        } else {
            self.second = f64::max(self.second, peak);
        }
    }

    fn second_of_first(mut self, top: f64) -> f64 {
        if !self.falling && self.extreme > 0.12 * top {
            self.add(self.extreme);
        }
        if self.first > 0.0 { self.second / self.first } else { 0.0 }
    }
}

/// `sqrt` is exact everywhere; `hypot` is not.
fn length(x: f64, y: f64) -> f64 {
    (x * x + y * y).sqrt()
}
