//! What is printed while work goes on: one line per step, and indented lines while a step takes its time.

use std::time::{Duration, Instant};

/// A numbered list of steps under one name, as in `setup 2/5`.
pub(crate) struct Progress {
    name: &'static str,
    total: usize,
    begun: usize,
}

impl Progress {
    pub(crate) fn new(name: &'static str, total: usize) -> Self {
        Self { name, total, begun: 0 }
    }

    pub(crate) fn step(&mut self, what: &'static str) -> Step {
        self.begun += 1;
        Step { label: format!("[{} {}/{}] {what}", self.name, self.begun, self.total), begun: Instant::now() }
    }
}

/// One step under way. It prints its line when it ends, with the time it took.
pub(crate) struct Step {
    label: String,
    begun: Instant,
}

impl Step {
    /// Says what is being done now; for anything that takes longer than a second.
    pub(crate) fn doing(&self, what: &str) {
        println!("{}: {what} ...", self.label);
    }

    pub(crate) fn done(self, result: &str) {
        println!("{}: {result} ({})", self.label, human(self.begun.elapsed()));
    }
}

/// `0.3 s`, `42 s`, `3 min 20 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f32()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(human(Duration::from_millis(250)), "0.2 s");
        assert_eq!(human(Duration::from_secs(42)), "42 s");
        assert_eq!(human(Duration::from_secs(200)), "3 min 20 s");
    }
}
