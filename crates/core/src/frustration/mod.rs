//! Detectors of frustration: the page does not do what it promises. They are built as those of [`crate::hesitation`] are, and are told in the
//! same way, but what they call for is help and no discount.

mod answers;
mod dead_click;
mod error_click;
mod rage_click;
mod thrashed_cursor;

use serde::{Deserialize, Serialize};
use waver_schema::{Feature, FrustrationKind};

use crate::Signal;
use crate::detector::{self, Detector, Finding, Reported};
use crate::features::FeatureVector;

pub use dead_click::DEAD_CLICK_MS;

/// A frustration as the page is told of it.
pub type Frustration = Finding<FrustrationKind>;

/// A decision asks for the frustrations of so long.
const RECENT_MS: u64 = 60_000;
/// How many of them are remembered.
const REMEMBERED: usize = 8;

/// All detectors of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frustrations {
    rage_click: rage_click::RageClick,
    dead_click: dead_click::DeadClick,
    error_click: error_click::ErrorClick,
    thrashed_cursor: thrashed_cursor::ThrashedCursor,
    reported: Reported,
    recent: Recent,
}

/// When frustrations were told, newest first: what of them crosses a page load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recent(Vec<u64>);

impl Frustrations {
    fn each(&self) -> [(FrustrationKind, &dyn Detector); 4] {
        [
            (FrustrationKind::RageClick, &self.rage_click),
            (FrustrationKind::DeadClick, &self.dead_click),
            (FrustrationKind::ErrorClick, &self.error_click),
            (FrustrationKind::ThrashedCursor, &self.thrashed_cursor),
        ]
    }

    fn each_mut(&mut self) -> [&mut dyn Detector; 4] {
        [&mut self.rage_click, &mut self.dead_click, &mut self.error_click, &mut self.thrashed_cursor]
    }

    /// Takes a signal in and returns the frustrations that are to be reported because of it.
    pub(crate) fn observe(&mut self, signal: &Signal) -> Vec<Frustration> {
        detector::observe(self.each_mut(), signal);
        let mut reported = self.reported;
        let reports = detector::report(self.each(), &mut reported, signal.t);
        self.reported = reported;
        for _ in &reports {
            self.recent.0.truncate(REMEMBERED - 1);
            self.recent.0.insert(0, signal.t);
        }
        reports
    }

    /// How many were reported within the minute before `now`, at most eight.
    pub(crate) fn recent(&self, now: u64) -> u16 {
        self.recent.0.iter().take(REMEMBERED).map(|at| u16::from(now.saturating_sub(*at) < RECENT_MS)).sum()
    }

    pub(crate) fn measure(&self, now: u64, features: &mut FeatureVector) {
        let strongest = detector::measure(self.each().map(|(_, detector)| detector), now, features);
        features.set(Feature::Frustration, strongest);
    }

    pub(crate) fn wake_at(&self) -> Option<u64> {
        self.each().into_iter().filter_map(|(_, detector)| detector.wake_at()).min()
    }

    pub(crate) fn keep(&self) -> Recent {
        self.recent.clone()
    }

    pub(crate) fn restore(recent: Recent) -> Frustrations {
        Frustrations { recent, ..Frustrations::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{at, click, view};
    use crate::{Pressed, SignalKind};
    use waver_schema::PageType;

    #[test]
    fn every_kind_has_its_detector() {
        let mut frustrations = Frustrations::default();
        let kinds: Vec<FrustrationKind> = frustrations.each().iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, FrustrationKind::ALL);
        assert_eq!(frustrations.each_mut().len(), kinds.len());
    }

    #[test]
    fn those_of_the_last_minute_count_across_pages() {
        let mut frustrations = Frustrations::default();
        let mut reports = Vec::new();
        for n in 0..3 {
            let t = n * 20_000;
            for signal in [
                view(t, PageType::Cart, None),
                click(t + 100, 50, Pressed::Control),
                at(t + 200, SignalKind::ScriptError),
            ] {
                reports.extend(frustrations.observe(&signal));
            }
            frustrations = Frustrations::restore(frustrations.keep());
        }
        assert!(reports.iter().all(|report| report.kind == FrustrationKind::ErrorClick) && reports.len() == 3);
        assert_eq!((frustrations.recent(40_300), frustrations.recent(70_000), frustrations.recent(200_000)), (3, 2, 0));
    }
}
