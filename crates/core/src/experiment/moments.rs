use serde::{Deserialize, Serialize};

/// How many, their sum, and the sum of their squares: what mean and variance follow from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many sessions.
    pub count: u64,
    /// Sum of what each came to.
    pub sum: f64,
    /// Sum of the squares of that.
    pub squares: f64,
}

impl Moments {
    /// Of `count` sessions, `did` of which did something: each counts as 1 or 0.
    pub fn of_rate(count: u64, did: u64) -> Moments {
        Moments { count, sum: did as f64, squares: did as f64 }
    }

    /// One session more, that came to `value`.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Moments) -> Moments {
        Moments { count: self.count + other.count, sum: self.sum + other.sum, squares: self.squares + other.squares }
    }

    /// Mean; 0 of none.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Variance of one session, with `count - 1` in the denominator; 0 of fewer than two.
    pub fn variance(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let count = self.count as f64;
        ((self.squares - self.sum * self.sum / count) / (count - 1.0)).max(0.0)
    }

    /// The same as if it were of `most` sessions, where it is of more: what was learned elsewhere or long ago, and may be unlearned.
    #[must_use]
    pub fn weighing_at_most(self, most: u64) -> Moments {
        if self.count <= most {
            return self;
        }
        let share = most as f64 / self.count as f64;
        Moments { count: most, sum: self.sum * share, squares: self.squares * share }
    }
}
