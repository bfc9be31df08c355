//! Published hours, and the budget that exports with noise have spent.

use std::collections::BTreeSet;

use waver::decoders::{rewritten_publications, spent_hours};

const HOUR_MS: u64 = 60 * 60 * 1000;

pub(crate) fn run(file: &[u8]) {
    if let Some(rewritten) = rewritten_publications(file) {
        let again = rewritten_publications(&rewritten).expect("it was written by us");
        assert!(again == rewritten, "{}", String::from_utf8_lossy(&rewritten));
        let lines = |file: &[u8]| file.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(lines(&rewritten), lines(file), "an hour is published once");
    }
    if let Some(hours) = spent_hours(file) {
        assert!(hours.iter().all(|(_, hour, _)| hour.is_multiple_of(HOUR_MS)));
        let different: BTreeSet<_> = hours.iter().map(|(site, hour, _)| (site, hour)).collect();
        assert_eq!(different.len(), hours.len());
        // A line without its end was never acknowledged.
        let torn = [file, b"{\"site\":\"demo\",\"from\":3600"].concat();
        assert_eq!(spent_hours(&torn), Some(hours));
    }
}
