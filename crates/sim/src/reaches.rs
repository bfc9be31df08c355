//! Simulated reaches as files, in the form of recorded ones: `reaches.csv` with the pointer's samples and `trials.csv` with what is known of each.

use std::io;
use std::path::Path;

use crate::shopper::trials;

/// Writes the reaches of so many people, so many each; the same seed gives the same files. Says how many reaches there are.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, seed: u64, people: u64, each: usize) -> io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let mut samples = csv::Writer::from_path(folder.join("reaches.csv"))?;
    let mut known = csv::Writer::from_path(folder.join("trials.csv"))?;
    samples.write_record(["trial", "t_ms", "x_px", "y_px"])?;
    known.write_record(["trial", "person", "label", "change_ms"])?;
    let mut count = 0;
    for trial in (0..people).flat_map(|person| trials(seed, person, each)) {
        let name = count.to_string();
        for (t, x, y) in &trial.samples {
            samples.write_record([&name, &t.to_string(), &x.to_string(), &y.to_string()])?;
        }
        let label = if trial.changes { "switch" } else { "straight" };
        known.write_record([&name, &trial.person.to_string(), label, &trial.change_ms.to_string()])?;
        count += 1;
    }
    samples.flush()?;
    known.flush()?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reach_is_in_both_files() {
        let folder = tempfile::tempdir().expect("temporary");
        assert_eq!(write(folder.path(), 7, 3, 4).expect("written"), 12);
        let lines = |file: &str| std::fs::read_to_string(folder.path().join(file)).expect("there").lines().count();
        assert_eq!(lines("trials.csv"), 13);
        assert!(lines("reaches.csv") > 100);
    }
}
