use super::Shape;

/// A pointer that was still this long, milliseconds, has arrived: what follows is another reach. Of the moments in which people stop to think
/// again on the way, almost all are shorter.
pub const REST_MS: u64 = 600;
/// Milliseconds between two points of the grid.
pub(super) const GRID_MS: u64 = 20;
/// Points that are kept, 5 s. What goes on for longer is a search and no reach.
const POINTS: usize = 251;
/// The slowest sampling that counts as going on, milliseconds; a pointer that was silent for longer was at rest until that long ago.
const SAMPLE_MS: u64 = 120;
/// Pixels that a hand at rest trembles.
const TREMOR_PX: i32 = 3;

/// The reach that goes on, from its samples. It takes the work of one sample's share of the grid for each and never more than 4 KB.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    /// Positions, [`GRID_MS`] apart, the first where the reach began.
    grid: Vec<(f64, f64)>,
    /// When the last point of the grid was.
    grid_at: u64,
    /// The last sample.
    last: Option<(u64, i32, i32)>,
    lost: bool,
}

impl Reach {
    /// Takes a sample: milliseconds, and pixels to the right and down. Samples come in order; one earlier than its predecessor counts as
    /// simultaneous with it.
    pub fn moved(&mut self, t: u64, x: i32, y: i32) {
        let Some((before, from_x, from_y)) = self.last else {
            self.last = Some((t, x, y));
            return;
        };
        if (x, y) == (from_x, from_y) {
            // It stands; how long shows when it goes on.
            return;
        }
        let t = t.max(before);
        if t - before > REST_MS {
            self.end();
            // The pointer may have been carried elsewhere unseen, under another window for instance.
            self.last = Some((t, x, y));
            return;
        }
        let from = before.max(t.saturating_sub(SAMPLE_MS));
        if self.grid.is_empty() {
            let near = |to: i32, from: i32| to.saturating_sub(from).saturating_abs() <= TREMOR_PX;
            if near(x, from_x) && near(y, from_y) {
                // Still at rest; the place stays, so that a slow start is one.
                self.last = Some((t, from_x, from_y));
                return;
            }
            self.grid.push((f64::from(from_x), f64::from(from_y)));
            self.grid_at = from;
        }
        let (from_x, from_y) = (f64::from(from_x), f64::from(from_y));
        while t.saturating_sub(self.grid_at) >= GRID_MS && !self.lost {
            self.grid_at += GRID_MS;
            let share = self.grid_at.saturating_sub(from) as f64 / (t - from).max(1) as f64;
            let at = (from_x + (f64::from(x) - from_x) * share, from_y + (f64::from(y) - from_y) * share);
            self.grid.push(at);
            self.lost = self.grid.len() >= POINTS;
        }
        self.last = Some((t, x, y));
    }

    /// The reach is over: a click, a key, another page. The next one begins where the pointer is.
    pub fn end(&mut self) {
        self.grid.clear();
        self.lost = false;
    }

    /// Whether a reach has begun and is not over yet.
    pub fn goes_on(&self) -> bool {
        !self.grid.is_empty()
    }

    /// The shape of the reach so far, at `now`, or as it was when the pointer had arrived; `None` while there is none, or when it has become a search.
    pub fn shape(&self, now: u64) -> Option<Shape> {
        let (t, x, y) = self.last?;
        if self.grid.is_empty() || self.lost {
            return None;
        }
        let mut points = Vec::with_capacity(POINTS);
        points.extend_from_slice(&self.grid);
        // Since the last sample the pointer stands there; a started step of the grid counts as a whole one.
        let until = now.clamp(t, t.saturating_add(REST_MS));
        let rest = until.saturating_sub(self.grid_at).div_ceil(GRID_MS).min((POINTS - points.len()) as u64);
        points.extend((0..rest).map(|_| (f64::from(x), f64::from(y))));
        Shape::of(&points)
    }
}
