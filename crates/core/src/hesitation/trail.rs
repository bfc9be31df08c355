/// How far back a speed is measured.
const SPEED_SPAN_MS: u64 = 200;

/// The last few vertical positions: enough for [`SPEED_SPAN_MS`] at one sample each 30 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Trail {
    samples: [(u64, i32); 8],
    len: usize,
}

impl Trail {
    pub(super) fn push(&mut self, t: u64, y: i32) {
        self.samples.rotate_right(1);
        self.samples[0] = (t, y);
        self.len = (self.len + 1).min(self.samples.len());
    }

    /// The newest of them.
    pub(super) fn newest(&self) -> Option<(u64, i32)> {
        self.samples[..self.len].first().copied()
    }

    /// Upward speed at `now` in pixels a millisecond, over the samples of the last [`SPEED_SPAN_MS`]; 0 when there are fewer than two.
    pub(super) fn upward_speed(&self, now: u64) -> f64 {
        let Some((newest_t, newest_y)) = self.newest() else { return 0.0 };
        let oldest = self.samples[..self.len].iter().rev().find(|(t, _)| now.saturating_sub(*t) <= SPEED_SPAN_MS);
        match oldest {
            Some(&(t, y)) if newest_t > t => f64::from(y.saturating_sub(newest_y)) / (newest_t - t) as f64,
            _ => 0.0,
        }
    }
}
