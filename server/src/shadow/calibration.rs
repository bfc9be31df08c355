/// Bins of a table of calibration, of equal width.
pub(crate) const BINS: usize = 10;

/// Scores and what came of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Calibration {
    bins: [Bin; BINS],
    /// Sum of the squared differences between score and outcome.
    squares: f64,
}

/// Sessions whose score was in one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bin {
    /// How many.
    pub(crate) sessions: u64,
    /// Sum of their scores.
    pub(crate) scores: f64,
    /// How many bought.
    pub(crate) bought: u64,
}

impl Bin {
    fn add(&mut self, other: &Bin) {
        self.sessions += other.sessions;
        self.scores += other.scores;
        self.bought += other.bought;
    }
}

impl Calibration {
    /// Counts one session; `score` is within 0..=1.
    pub(crate) fn add(&mut self, score: f64, bought: bool) {
        let score = score.clamp(0.0, 1.0);
        let bin = &mut self.bins[((score * BINS as f64) as usize).min(BINS - 1)];
        bin.sessions += 1;
        bin.scores += score;
        bin.bought += u64::from(bought);
        let outcome = f64::from(u8::from(bought));
        self.squares += (score - outcome) * (score - outcome);
    }

    /// The bins, from the smallest scores to the largest; neighbours are put together until each is enough for `is_enough`. None if all of them
    /// together are not.
    pub(crate) fn lines(&self, is_enough: impl Fn(&Bin) -> bool) -> Vec<Bin> {
        let mut lines: Vec<Bin> = Vec::new();
        let mut rest = Bin::default();
        for bin in &self.bins {
            rest.add(bin);
            if is_enough(&rest) {
                lines.push(std::mem::take(&mut rest));
            }
        }
        if let Some(last) = lines.last_mut() {
            last.add(&rest);
        }
        lines
    }

    /// How many sessions.
    pub(crate) fn sessions(&self) -> u64 {
        self.bins.iter().map(|bin| bin.sessions).sum()
    }

    /// How many of them bought.
    pub(crate) fn bought(&self) -> u64 {
        self.bins.iter().map(|bin| bin.bought).sum()
    }

    /// The mean squared difference between score and outcome (Brier 1950); `None` without a session.
    pub(crate) fn brier(&self) -> Option<f64> {
        let sessions = self.sessions();
        (sessions > 0).then(|| self.squares / sessions as f64)
    }

    /// The expected calibration error (Naeini et al. 2015): by how much scores and outcomes differ in a bin, weighed by its sessions.
    pub(crate) fn error(&self) -> Option<f64> {
        let sessions = self.sessions();
        let gaps: f64 = self.bins.iter().map(|bin| (bin.scores - bin.bought as f64).abs()).sum();
        (sessions > 0).then(|| gaps / sessions as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_keep_their_word_have_no_error_and_others_have_theirs() {
        let mut honest = Calibration::default();
        let mut boastful = Calibration::default();
        for number in 0..10 {
            honest.add(0.25, number % 4 == 0 && number < 8);
            boastful.add(0.95, false);
        }
        // Two of ten bought, where 0.25 was said.
        assert!((honest.error().expect("sessions") - 0.05).abs() < 1e-12);
        assert!((boastful.error().expect("sessions") - 0.95).abs() < 1e-12);
        assert!((boastful.brier().expect("sessions") - 0.9025).abs() < 1e-12);
        assert_eq!((honest.sessions(), honest.bought(), honest.bins[2].sessions), (10, 2, 10));
        assert_eq!((Calibration::default().brier(), Calibration::default().error()), (None, None));
    }

    #[test]
    fn lines_are_put_together_until_none_is_of_few_and_none_follows_from_the_others() {
        let mut table = Calibration::default();
        for (score, sessions, bought) in [(0.05, 100, 3), (0.15, 50, 9), (0.35, 20, 10), (0.95, 4, 4)] {
            (0..sessions).for_each(|number| table.add(score, number < bought));
        }
        let of = |k: u64| table.lines(|bin| bin.bought >= k && bin.sessions - bin.bought >= k);
        let counts = |lines: Vec<Bin>| lines.iter().map(|bin| (bin.sessions, bin.bought)).collect::<Vec<_>>();
        assert_eq!(counts(of(10)), [(150, 12), (24, 14)]);
        assert_eq!(counts(of(12)), [(174, 26)]);
        assert_eq!(counts(of(27)), []);
        let all = table.lines(|bin| bin.sessions > 0);
        assert_eq!(counts(all), [(100, 3), (50, 9), (20, 10), (4, 4)]);
    }

    #[test]
    fn the_ends_of_the_scale_have_their_bins() {
        let mut table = Calibration::default();
        for score in [0.0, 0.1, 0.999, 1.0, 7.0, -1.0] {
            table.add(score, true);
        }
        let sessions: Vec<u64> = table.bins.iter().map(|bin| bin.sessions).collect();
        assert_eq!(sessions, [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]);
    }
}
