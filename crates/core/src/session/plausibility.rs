//! Streams of events that no person can make. The bounds lie where no shopper comes, however fast, absent or badly connected: who is
//! counted apart for nothing is offered nothing. What they find is proof, so that a session once found out stays so.
//!
//! - **More events than a hand can make**: over [`MOST_PER_MINUTE`] within a minute. People tap some seven times a second and the fastest
//!   clickers keep up ten for some seconds; each click may be two events, so 20 a second, for a whole minute. It is the numbers that are
//!   compared with the times, so that neither the order of arrival nor repetition nor loss matters: between two events whose numbers lie
//!   more than `n` times the bound apart, at least `n` minutes must have passed. That surely finds what is more than three times too fast, and never
//!   what is not too fast.
//! - **More attention than time**: engaged milliseconds over the session's own time and [`CLOCK_SLACK_MS`]. The browser counts both by one
//!   monotonic clock, and no two tabs hold one session, so that any part of an honest stream keeps within it, in any order.
//! - **A time that contradicts arrival**: an event that says to have happened over [`MOST_AHEAD_MS`] later than the session's age at its
//!   arrival. The first batch sets that age, since a session may have begun before the collector knew of it. A first batch that was held up
//!   makes it look younger, but hardly by more than a session may be silent, and a wall clock that is set forward between two pages by
//!   more than that ends the session. Batches that arrive late are never ahead.

use serde::{Deserialize, Serialize};
use waver_schema::limits::SESSION_IDLE_MS;

/// Most events that a hand can make in a minute.
pub const MOST_PER_MINUTE: u64 = 1_200;
/// How much more than time passed attention may be, for a wall clock that was set back between two pages: the session's time stands still then.
pub const CLOCK_SLACK_MS: u64 = 60 * 1000;
/// How far an event may be ahead of the session's age.
pub const MOST_AHEAD_MS: u64 = SESSION_IDLE_MS;

const MINUTE_MS: u64 = 60 * 1000;

/// Whether `engaged_ms` of attention until `t` (milliseconds of the session) is more than there was time for.
pub(crate) const fn outlasts_time(engaged_ms: u64, t: u64) -> bool {
    engaged_ms > t.saturating_add(CLOCK_SLACK_MS)
}

/// Whether an event at `t` was received at an age of the session at which it can not have happened yet.
pub(crate) const fn contradicts_arrival(t: u64, age_ms: u64) -> bool {
    t > age_ms.saturating_add(MOST_AHEAD_MS)
}

/// When events were made, by blocks of [`MOST_PER_MINUTE`] sequence numbers: smallest and largest times, which do not depend on the order of
/// arrival. The first block is not kept, so that most sessions have none; no session has more than 874.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pace {
    blocks: Vec<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Block {
    number: u64,
    earliest: u64,
    latest: u64,
}

impl Pace {
    /// Takes in an event, and says whether it was made too fast.
    pub(crate) fn outruns_a_hand(&mut self, seq: u64, t: u64) -> bool {
        let number = seq.saturating_sub(1) / MOST_PER_MINUTE;
        if number == 0 {
            return false;
        }
        let place = self.blocks.partition_point(|block| block.number < number);
        match self.blocks.get_mut(place) {
            Some(block) if block.number == number => {
                block.earliest = block.earliest.min(t);
                block.latest = block.latest.max(t);
            }
            _ => {
                self.blocks.reserve_exact(1);
                self.blocks.insert(place, Block { number, earliest: t, latest: t });
            }
        }
        let too_fast = |blocks: u64, passed: u64| passed < blocks * MINUTE_MS;
        let since_the_beginning = too_fast(number, t);
        let since_others = self.blocks.iter().any(|other| {
            let whole_blocks_between = other.number.abs_diff(number).saturating_sub(1);
            let passed =
                if other.number < number { t.saturating_sub(other.latest) } else { other.earliest.saturating_sub(t) };
            too_fast(whole_blocks_between, passed)
        });
        since_the_beginning || since_others
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_found(events: impl IntoIterator<Item = (u64, u64)>) -> bool {
        let mut pace = Pace::default();
        // Each of them, since the verdict of one stands.
        events.into_iter().filter(|(seq, t)| pace.outruns_a_hand(*seq, *t)).count() > 0
    }

    #[test]
    fn a_fast_clicker_for_an_hour_is_a_person_and_a_flood_is_not() {
        // Twenty events a second, without a break.
        assert!(!is_found((1..=72_000).map(|seq| (seq, seq * 50))));
        // Bursts of a minute's worth in an instant, as a clock that stood still may show them.
        assert!(!is_found((1..=12_000).map(|seq| (seq, 60_000 + (seq / 1_200) * 60_000))));
        assert!(is_found((1..=1_201).map(|seq| (seq, seq))));
        // An hour of quiet does not excuse a flood.
        assert!(is_found((1..=3_601).map(|seq| (seq, 3_600_000 + seq * 16))));
    }

    proptest! {
        /// Any part of a stream that no minute of which is too full passes, in any order and with repetitions.
        #[test]
        fn what_a_hand_can_make_passes_whatever_the_network_does(
            minutes in proptest::collection::vec((0..=MOST_PER_MINUTE, 0..1_000_u64), 1..20),
            keep in any::<u64>(),
            turn in any::<u64>(),
        ) {
            let mut events = Vec::new();
            let mut begun = 0;
            for (count, pause) in minutes {
                // At one instant, and the next ones a minute later at the earliest.
                events.extend((0..count).map(|_| begun));
                begun += MINUTE_MS + pause * 100;
            }
            let mut events: Vec<(u64, u64)> = (1..).zip(events).filter(|(seq, _)| (keep >> (seq % 64)) & 1 == 0).collect();
            let middle = turn as usize % (events.len() + 1);
            events.rotate_left(middle);
            events.extend_from_within(..events.len() / 2);
            prop_assert!(!is_found(events));
        }

        #[test]
        fn the_verdict_does_not_depend_on_the_order(
            events in proptest::collection::vec((1_u64..20_000, 0_u64..2_000_000), 1..60),
            turn in any::<usize>(),
        ) {
            let mut turned = events.clone();
            turned.rotate_left(turn % events.len());
            turned.reverse();
            prop_assert_eq!(is_found(turned), is_found(events));
        }
    }
}
