//! Windows as snapshots of version 1 held them at first: before they counted which cells a session had come to.

use std::sync::Arc;

use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;
use waver_schema::{
    BrowserFamily, Currency, DecisionReason, DropCause, FrustrationKind, HesitationKind, PageType, Stage, TrafficClass,
    Zone,
};

use super::counts::Counts;
use super::distinct::Distinct;
use super::panes::Panes;
use super::report::Lateness;
use super::spread::Spread;
use super::tally::{Ended, Plain, Tally};
use super::{HOUR_MS, HOURS_KEPT_MS, KEPT_MS, WINDOW_MS, Windows};
use crate::session::ExitPath;

/// The windows of one site in that form, to be made [`Windows`].
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub struct EarlierWindows {
    minutes: EarlierPanes,
    hours: EarlierPanes,
    lateness: Lateness,
}

/// The oldest window that is kept, and the windows by number.
type EarlierPanes = (u64, Vec<(u64, EarlierTally)>);

/// [`Tally`] without its last sum.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct EarlierTally {
    plain: Counts<Plain>,
    views: Counts<PageType>,
    hesitations: Counts<(HesitationKind, Option<Zone>, PageType)>,
    frustrations: Counts<(FrustrationKind, Option<Zone>, PageType)>,
    stages: Counts<Stage>,
    stage_moves: Counts<(Stage, Stage)>,
    withheld: Counts<DecisionReason>,
    revenue: Counts<Currency>,
    velocity: Spread,
    active: Distinct,
    ended: Counts<Ended>,
    duration: Spread,
    engaged: Spread,
    lost: Counts<(BrowserFamily, ExitPath)>,
    dropped: Counts<(BrowserFamily, DropCause)>,
    automated_sessions: Counts<TrafficClass>,
    automated_events: Counts<TrafficClass>,
}

impl From<EarlierWindows> for Windows {
    fn from(EarlierWindows { minutes, hours, lateness }: EarlierWindows) -> Windows {
        Windows {
            minutes: panes::<WINDOW_MS, KEPT_MS>(minutes),
            hours: panes::<HOUR_MS, HOURS_KEPT_MS>(hours),
            lateness,
        }
    }
}

fn panes<const LENGTH_MS: u64, const KEPT_MS: u64>((oldest, tallies): EarlierPanes) -> Panes<LENGTH_MS, KEPT_MS> {
    Panes::of(oldest, tallies.into_iter().map(|(number, tally)| (number, Arc::new(tally.into()))))
}

impl From<EarlierTally> for Tally {
    fn from(earlier: EarlierTally) -> Tally {
        Tally {
            plain: earlier.plain,
            views: earlier.views,
            hesitations: earlier.hesitations,
            frustrations: earlier.frustrations,
            stages: earlier.stages,
            stage_moves: earlier.stage_moves,
            withheld: earlier.withheld,
            revenue: earlier.revenue,
            velocity: earlier.velocity,
            active: earlier.active,
            ended: earlier.ended,
            duration: earlier.duration,
            engaged: earlier.engaged,
            lost: earlier.lost,
            dropped: earlier.dropped,
            automated_sessions: earlier.automated_sessions,
            automated_events: earlier.automated_events,
            reached: Counts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Change, Measured};

    #[test]
    fn what_was_counted_is_there_and_is_in_no_other_form() {
        let change = |at, what| Change { at, what, by: 3 };
        let changes = [
            change(WINDOW_MS, Measured::Session),
            change(5 * WINDOW_MS, Measured::View(PageType::Product)),
            change(2 * HOUR_MS, Measured::Stage(Stage::High)),
        ];
        let mut expected = Windows::new();
        expected.fold(&changes);
        let earlier = |tally: &Tally| {
            let Tally { plain, views, hesitations, frustrations, stages, stage_moves, withheld, .. } = tally.clone();
            let Tally { revenue, velocity, active, ended, duration, engaged, lost, dropped, .. } = tally.clone();
            let Tally { automated_sessions, automated_events, .. } = tally.clone();
            EarlierTally {
                plain,
                views,
                hesitations,
                frustrations,
                stages,
                stage_moves,
                withheld,
                revenue,
                velocity,
                active,
                ended,
                duration,
                engaged,
                lost,
                dropped,
                automated_sessions,
                automated_events,
            }
        };
        let written = EarlierWindows {
            minutes: (expected.minutes.oldest(), expected.minutes.map(earlier)),
            hours: (expected.hours.oldest(), expected.hours.map(earlier)),
            lateness: expected.lateness,
        };
        let bytes = postcard::to_allocvec(&written).expect("encodes");
        let read: EarlierWindows = postcard::from_bytes(&bytes).expect("decodes");
        assert_eq!(Windows::from(read), expected);
        // Whoever reads tries the present form first.
        assert!(!matches!(postcard::take_from_bytes::<Windows>(&bytes), Ok((_, []))));
    }
}
