use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::change::{Change, MINUTE_MS, Measured, mark_active};

/// Most sums of one share. A person adds some ten different counts in a busy minute, and a session lasts 1,440 minutes at most; what is beyond
/// this is no person's, and its oldest minutes are counted for good.
pub const MOST_COUNTS: usize = 8192;

/// What one session has added to the windows of its site: its [`Change`]s, summed by minute and kind.
///
/// Kept beside the session, it lets an erasure take back exactly that much, and lets a snapshot of the windows be written without the
/// sessions that are still known one by one. [`Measured::Active`] is not in it: a sketch cannot forget, and which minutes those
/// were follows from the rest.
///
/// Size: some four bytes for each sum as postcard writes it, so 143 for a typical session (`tests/footprint.rs`) and 40 KB for the fullest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Share(BTreeMap<(u64, Measured), i64>);

impl Share {
    /// Adds changes of the session. Gives back those that it can hold no longer, the oldest; they cannot be taken back any more.
    #[must_use = "what is given back is counted for good"]
    pub fn add(&mut self, changes: &[Change]) -> Vec<Change> {
        for Change { at, what, by } in changes {
            if matches!(what, Measured::Active(_)) {
                continue;
            }
            let key = (at / MINUTE_MS, *what);
            let sum = self.0.entry(key).or_default();
            *sum = sum.saturating_add(*by);
            if *sum == 0 {
                self.0.remove(&key);
            }
        }
        let mut over = Vec::new();
        while self.0.len() > MOST_COUNTS
            && let Some((key, by)) = self.0.pop_first()
        {
            over.push(change(key, by));
        }
        over
    }

    /// The changes that make the windows forget the session.
    pub fn taken_back(&self) -> Vec<Change> {
        self.0.iter().map(|(key, by)| change(*key, by.saturating_neg())).collect()
    }

    /// The changes that make the windows know the session again, which they do not know. `session` stands for it as in [`mark_active`].
    pub fn given_again(&self, session: u64) -> Vec<Change> {
        let mut changes: Vec<Change> = self.0.iter().map(|(key, by)| change(*key, *by)).collect();
        mark_active(&mut changes, session);
        changes
    }

    /// The sums: minute (Unix milliseconds divided by 60,000), what was counted, and how many.
    pub fn sums(&self) -> impl Iterator<Item = (u64, Measured, i64)> {
        self.0.iter().map(|(&(minute, what), by)| (minute, what, *by))
    }

    /// How many sums there are.
    pub fn counts(&self) -> usize {
        self.0.len()
    }
}

fn change((minute, what): (u64, Measured), by: i64) -> Change {
    Change { at: minute * MINUTE_MS, what, by }
}

/// The sums of one minute, which is counted from the one before.
type Minute = (u64, Vec<(Measured, i64)>);

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut minutes: Vec<Minute> = Vec::new();
        let mut last = None;
        for (&(minute, what), by) in &self.0 {
            match minutes.last_mut() {
                Some((_, sums)) if last == Some(minute) => sums.push((what, *by)),
                _ => minutes.push((minute - last.unwrap_or_default(), vec![(what, *by)])),
            }
            last = Some(minute);
        }
        minutes.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        let mut share = BTreeMap::new();
        let mut minute = 0_u64;
        for (since, sums) in Vec::<Minute>::deserialize(deserializer)? {
            minute = minute.saturating_add(since);
            share.extend(sums.into_iter().map(|(what, by)| ((minute, what), by)));
        }
        Ok(Share(share))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use waver_schema::{PageType, Stage};

    use super::*;

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let what = prop_oneof![
            Just(Measured::Event),
            Just(Measured::View(PageType::Product)),
            Just(Measured::StageMove { from: Stage::Low, to: Stage::High }),
            Just(Measured::OfferExposed { since_signal_ms: Some(84) }),
        ];
        proptest::collection::vec(
            (0..400_000_u64, what, -2..3_i64).prop_map(|(at, what, by)| Change { at, what, by }),
            0..60,
        )
    }

    proptest! {
        #[test]
        fn a_share_comes_back_from_its_bytes_and_is_bounded(changes in changes()) {
            let mut share = Share::default();
            prop_assert!(share.add(&changes).is_empty());
            let bytes = postcard::to_allocvec(&share).expect("serialises");
            prop_assert_eq!(&postcard::from_bytes::<Share>(&bytes).expect("comes back"), &share);
            // Taking back what it holds leaves nothing.
            let back = share.taken_back();
            prop_assert!(share.add(&back).is_empty());
            prop_assert_eq!(share.counts(), 0);
        }
    }

    #[test]
    fn what_is_too_much_is_given_back_oldest_first() {
        let mut share = Share::default();
        let minutes = MOST_COUNTS as u64 + 5;
        let all: Vec<Change> =
            (0..minutes).map(|minute| Change { at: minute * MINUTE_MS, what: Measured::Event, by: 1 }).collect();
        assert_eq!(share.add(&all), all[..5]);
        assert_eq!(share.counts(), MOST_COUNTS);
    }

    #[test]
    fn the_minutes_in_which_it_was_active_follow() {
        let mut changes = vec![
            Change { at: 61_000, what: Measured::Event, by: 1 },
            Change { at: 62_000, what: Measured::Event, by: 1 },
            Change { at: 300_000, what: Measured::OfferDecided, by: 1 },
        ];
        mark_active(&mut changes, 7);
        let mut share = Share::default();
        assert!(share.add(&changes).is_empty());
        let active = Change { at: 60_000, what: Measured::Active(7), by: 1 };
        assert_eq!(
            share.given_again(7).into_iter().filter(|change| change.what == active.what).collect::<Vec<_>>(),
            [active]
        );
    }
}
