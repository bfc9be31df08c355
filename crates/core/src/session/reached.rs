//! How many sessions stand behind a number: the cells that a session has reached, each counted once, where it reached it first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{
    BrowserFamily, Currency, DecisionReason, DropCause, FrustrationKind, HesitationKind, PageType, Stage, Zone,
};

use super::change::{Change, MINUTE_MS, Measured};
use super::loss::ExitPath;

/// A number of the aggregates that several sessions may stand behind, and one session several times. Closed, so that their cardinality is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cell {
    /// Views of a kind of page.
    View(PageType),
    /// Hesitations of a kind, in a zone, on a kind of page.
    Hesitation(HesitationKind, Option<Zone>, PageType),
    /// Hesitations of any kind.
    Hesitated,
    /// Frustrations of a kind, in a zone, on a kind of page.
    Frustration(FrustrationKind, Option<Zone>, PageType),
    /// Frustrations of any kind.
    Frustrated,
    /// Entries into a stage of intent.
    Stage(Stage),
    /// Moves from one stage of intent to another.
    StageMove(Stage, Stage),
    /// Offers decided.
    Decided,
    /// Offers that the holdout would have been made.
    HeldOut,
    /// Decisions to offer nothing, for a reason.
    Withheld(DecisionReason),
    /// Offers rendered.
    Exposed,
    /// Offers rendered, of which the browser said how long that took.
    Timed,
    /// Offers taken.
    Accepted,
    /// Offers closed.
    Dismissed,
    /// Orders.
    Order,
    /// Orders in a currency.
    Revenue(Currency),
    /// Events lost by a kind of browser on a way out of a page.
    Lost(BrowserFamily, ExitPath),
    /// Events dropped by a kind of browser for a cause.
    Dropped(BrowserFamily, DropCause),
}

impl Cell {
    /// The cells that `what` adds to. Sessions, and sessions that ended, are counted once each as it is; of automata nothing else is kept.
    fn of(what: &Measured) -> [Option<Cell>; 2] {
        match *what {
            Measured::View(page) => [Some(Cell::View(page)), None],
            Measured::Hesitation { kind, zone, page } => {
                [Some(Cell::Hesitation(kind, zone, page)), Some(Cell::Hesitated)]
            }
            Measured::Frustration { kind, zone, page } => {
                [Some(Cell::Frustration(kind, zone, page)), Some(Cell::Frustrated)]
            }
            Measured::Stage(stage) => [Some(Cell::Stage(stage)), None],
            Measured::StageMove { from, to } => [Some(Cell::StageMove(from, to)), None],
            Measured::OfferDecided => [Some(Cell::Decided), None],
            Measured::OfferHeldOut => [Some(Cell::HeldOut), None],
            Measured::OfferWithheld(reason) => [Some(Cell::Withheld(reason)), None],
            Measured::OfferExposed { since_signal_ms } => {
                [Some(Cell::Exposed), since_signal_ms.is_some().then_some(Cell::Timed)]
            }
            Measured::OfferAccepted => [Some(Cell::Accepted), None],
            Measured::OfferDismissed => [Some(Cell::Dismissed), None],
            Measured::Order { revenue } => [Some(Cell::Order), revenue.map(|(currency, _)| Cell::Revenue(currency))],
            Measured::Lost { browser, path } => [Some(Cell::Lost(browser, path)), None],
            Measured::Dropped { browser, cause } => [Some(Cell::Dropped(browser, cause)), None],
            Measured::Session
            | Measured::Event
            | Measured::Active(_)
            | Measured::AutomatedSession(_)
            | Measured::AutomatedEvent(_)
            | Measured::Ended(_)
            | Measured::Reached(_) => [None, None],
        }
    }
}

/// Adds to the changes of one session which cells it has reached with them, given what it had added before: `known` are its sums by minute
/// (Unix milliseconds divided by 60,000), earlier tellings of this function among them.
///
/// A session reaches a cell once, in the first minute whose sum is above zero, and when that moves, because something earlier came late or was
/// taken back, so does the telling. What is told is therefore a function of the sums alone, in whatever order they came; it adds up over
/// any stretch of time, and is taken back like everything else that a session added. Over a stretch it is the number of sessions that
/// first came to the cell there: never more than there were, and all of them but those that had been there before.
pub fn mark_reached(changes: &mut Vec<Change>, known: impl Iterator<Item = (u64, Measured, i64)>) {
    let mut sums: BTreeMap<Cell, BTreeMap<u64, i64>> = BTreeMap::new();
    for Change { at, what, by } in &*changes {
        for cell in Cell::of(what).into_iter().flatten() {
            *sums.entry(cell).or_default().entry(at / MINUTE_MS).or_default() += by;
        }
    }
    if sums.is_empty() {
        return;
    }
    let mut told: BTreeMap<Cell, u64> = BTreeMap::new();
    for (minute, what, by) in known {
        if let Measured::Reached(cell) = what {
            told.insert(cell, minute);
        }
        for cell in Cell::of(&what).into_iter().flatten() {
            if let Some(minutes) = sums.get_mut(&cell) {
                *minutes.entry(minute).or_default() += by;
            }
        }
    }
    for (cell, minutes) in sums {
        let first = minutes.into_iter().find(|(_, sum)| *sum > 0).map(|(minute, _)| minute);
        let before = told.get(&cell).copied();
        if first != before {
            let tell = |minute: u64, by| Change { at: minute * MINUTE_MS, what: Measured::Reached(cell), by };
            changes.extend(before.map(|minute| tell(minute, -1)));
            changes.extend(first.map(|minute| tell(minute, 1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Sums = BTreeMap<(u64, Cell), i64>;

    /// What a session adds, batch by batch, as whoever keeps its sums does it.
    fn told(batches: &[Vec<Change>]) -> Sums {
        let mut kept: Vec<(u64, Measured, i64)> = Vec::new();
        let mut reached = Sums::new();
        for batch in batches {
            let mut batch = batch.clone();
            mark_reached(&mut batch, kept.iter().copied());
            for Change { at, what, by } in batch {
                let minute = at / MINUTE_MS;
                match kept.iter_mut().find(|(at, known, _)| (*at, *known) == (minute, what)) {
                    Some((_, _, sum)) => *sum += by,
                    None => kept.push((minute, what, by)),
                }
                kept.retain(|(_, _, sum)| *sum != 0);
                if let Measured::Reached(cell) = what {
                    *reached.entry((minute, cell)).or_default() += by;
                }
            }
        }
        reached.retain(|_, sum| *sum != 0);
        reached
    }

    fn any_change() -> impl Strategy<Value = Change> {
        let what = prop_oneof![
            Just(Measured::View(PageType::Product)),
            Just(Measured::OfferExposed { since_signal_ms: Some(80) }),
            Just(Measured::OfferExposed { since_signal_ms: None }),
            Just(Measured::Hesitation { kind: HesitationKind::CtaHover, zone: None, page: PageType::Cart }),
            Just(Measured::Event),
        ];
        (0_u64..8, what, -1..3_i64).prop_map(|(minute, what, by)| Change { at: minute * MINUTE_MS + 7, what, by })
    }

    proptest! {
        #[test]
        fn a_session_reaches_a_cell_once_and_in_its_first_minute_whatever_came_first(
            changes in proptest::collection::vec(any_change(), 0..40), cut in 1_usize..10,
        ) {
            let batches: Vec<Vec<Change>> = changes.chunks(cut).map(<[Change]>::to_vec).collect();
            let backwards: Vec<Vec<Change>> = batches.iter().rev().cloned().collect();
            let reached = told(&batches);
            prop_assert_eq!(&reached, &told(&backwards));
            let mut first: BTreeMap<Cell, u64> = BTreeMap::new();
            let mut sums: Sums = BTreeMap::new();
            for Change { at, what, by } in &changes {
                for cell in Cell::of(what).into_iter().flatten() {
                    *sums.entry((at / MINUTE_MS, cell)).or_default() += by;
                }
            }
            for ((minute, cell), sum) in sums {
                if sum > 0 {
                    first.entry(cell).or_insert(minute);
                }
            }
            let expected: Sums = first.into_iter().map(|(cell, minute)| ((minute, cell), 1)).collect();
            prop_assert_eq!(reached, expected);
        }
    }
}
