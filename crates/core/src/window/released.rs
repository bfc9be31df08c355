use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{Currency, DecisionReason, PageType};

use super::report::{
    AutomatedCount, DropCount, FrustrationCount, HesitationCount, LossCount, StageMoveCount, WindowReport,
};

/// Aggregates of a window as they may leave the collector. Counts are by event time.
///
/// A number that too few sessions stand behind, or that would give away another such number, is null, or is left out of its list; `suppressed`
/// says that there may be such. A zero is not told from a few. Where nothing is suppressed a zero is a zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleasedWindow {
    /// Start, Unix milliseconds.
    pub start: u64,
    /// Whether what is null or not listed may be more than nothing.
    pub suppressed: bool,
    /// Sessions that began.
    pub sessions: Option<u64>,
    /// Different sessions of which something was stored, within some 2.3 percent (one standard error). Null also over several windows
    /// where numbers are suppressed, since sessions of one may be in the next.
    pub active_sessions: Option<u64>,
    /// Events stored.
    pub events: Option<u64>,
    /// Page views by kind of page.
    pub views: BTreeMap<PageType, u64>,
    /// Hesitations by kind, zone and page.
    #[cfg_attr(feature = "openapi", schema(max_items = 4096))]
    pub hesitations: Vec<HesitationCount>,
    /// Frustrations by kind, zone and page.
    #[cfg_attr(feature = "openapi", schema(max_items = 2048))]
    pub frustrations: Vec<FrustrationCount>,
    /// Entries into each stage of intent.
    pub stages: ReleasedStages,
    /// Moves between stages of intent.
    #[cfg_attr(feature = "openapi", schema(max_items = 16))]
    pub stage_moves: Vec<StageMoveCount>,
    /// Offers by what became of them.
    pub offers: ReleasedOffers,
    /// Orders placed.
    pub orders: Option<u64>,
    /// Value of the orders by currency, in minor units.
    pub revenue: BTreeMap<Currency, u64>,
    /// From the shopper's signal to the offer on the page; null where no offer was shown, or over several windows where numbers are
    /// suppressed.
    pub velocity_ms: Option<ReleasedQuantilesMs>,
    /// Sessions whose last event was here and that are over.
    pub ended: ReleasedEnded,
    /// Events that never arrived, as gaps in the sequence numbers tell; where numbers are suppressed, those of the cells that are listed.
    pub lost_events: Option<u64>,
    /// The same by browser and exit path.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub lost: Vec<LossCount>,
    /// Events that browsers say they had to drop. Those that had a number already are among the lost ones too.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub dropped: Vec<DropCount>,
    /// Traffic that is not of shoppers. None of it is in any other count.
    #[cfg_attr(feature = "openapi", schema(max_items = 16))]
    pub automated: Vec<AutomatedCount>,
}

/// Entries into each stage of intent, or null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleasedStages {
    /// Into `low`.
    pub low: Option<u64>,
    /// Into `building`.
    pub building: Option<u64>,
    /// Into `high`.
    pub high: Option<u64>,
    /// Into `leaving`.
    pub leaving: Option<u64>,
}

/// Offers by what became of them, or null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleasedOffers {
    /// Offers decided.
    pub decided: Option<u64>,
    /// Offers rendered.
    pub exposed: Option<u64>,
    /// Offers taken.
    pub accepted: Option<u64>,
    /// Offers closed.
    pub dismissed: Option<u64>,
    /// Offers that sessions in the holdout would have been made.
    pub holdout: Option<u64>,
    /// Decisions to offer nothing, by reason.
    pub withheld: BTreeMap<DecisionReason, u64>,
}

/// Sessions that are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleasedEnded {
    /// How many.
    pub sessions: Option<u64>,
    /// In which the shopper hesitated.
    pub hesitated: Option<u64>,
    /// In which an offer was rendered.
    pub offered: Option<u64>,
    /// In which something was bought.
    pub bought: Option<u64>,
    /// In which an offer was rendered and something was bought.
    pub offered_and_bought: Option<u64>,
    /// From the beginning to the last event.
    pub duration_ms: Option<ReleasedQuantilesMs>,
    /// Attention.
    pub engaged_ms: Option<ReleasedQuantilesMs>,
}

/// A distribution of times, in milliseconds, each quantile within one percent. A quantile is null where too few sessions lie beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleasedQuantilesMs {
    /// How many; null where that would give away a number that is suppressed.
    pub count: Option<u64>,
    /// Half took at most this.
    pub p50: Option<u64>,
    /// 95 of 100 took at most this.
    pub p95: Option<u64>,
    /// 99 of 100 took at most this.
    pub p99: Option<u64>,
}

impl ReleasedWindow {
    /// A window of which nothing is released.
    pub fn nothing(start: u64) -> ReleasedWindow {
        ReleasedWindow {
            start,
            suppressed: true,
            sessions: None,
            active_sessions: None,
            events: None,
            views: BTreeMap::new(),
            hesitations: Vec::new(),
            frustrations: Vec::new(),
            stages: ReleasedStages::default(),
            stage_moves: Vec::new(),
            offers: ReleasedOffers::default(),
            orders: None,
            revenue: BTreeMap::new(),
            velocity_ms: None,
            ended: ReleasedEnded::default(),
            lost_events: None,
            lost: Vec::new(),
            dropped: Vec::new(),
            automated: Vec::new(),
        }
    }

    /// Everything of a window as it is: for sites where nothing is to be suppressed, such as a bench or a demo.
    pub fn whole(report: WindowReport) -> ReleasedWindow {
        let quantiles = |quantiles: super::QuantilesMs| ReleasedQuantilesMs {
            count: Some(quantiles.count),
            p50: Some(quantiles.p50),
            p95: Some(quantiles.p95),
            p99: Some(quantiles.p99),
        };
        let WindowReport { stages, offers, ended, .. } = report;
        ReleasedWindow {
            start: report.start,
            suppressed: false,
            sessions: Some(report.sessions),
            active_sessions: Some(report.active_sessions),
            events: Some(report.events),
            views: report.views,
            hesitations: report.hesitations,
            frustrations: report.frustrations,
            stages: ReleasedStages {
                low: Some(stages.low),
                building: Some(stages.building),
                high: Some(stages.high),
                leaving: Some(stages.leaving),
            },
            stage_moves: report.stage_moves,
            offers: ReleasedOffers {
                decided: Some(offers.decided),
                exposed: Some(offers.exposed),
                accepted: Some(offers.accepted),
                dismissed: Some(offers.dismissed),
                holdout: Some(offers.holdout),
                withheld: offers.withheld,
            },
            orders: Some(report.orders),
            revenue: report.revenue,
            velocity_ms: report.velocity_ms.map(quantiles),
            ended: ReleasedEnded {
                sessions: Some(ended.sessions),
                hesitated: Some(ended.hesitated),
                offered: Some(ended.offered),
                bought: Some(ended.bought),
                offered_and_bought: Some(ended.offered_and_bought),
                duration_ms: ended.duration_ms.map(quantiles),
                engaged_ms: ended.engaged_ms.map(quantiles),
            },
            lost_events: Some(report.lost_events),
            lost: report.lost,
            dropped: report.dropped,
            automated: report.automated,
        }
    }

    /// Several released windows together: the sums of what is released of them, and nothing that does not follow from these. What does not
    /// add up, distinct sessions and quantiles, is there only of a window alone.
    pub fn sum<'a>(start: u64, windows: impl IntoIterator<Item = &'a ReleasedWindow>) -> ReleasedWindow {
        let mut windows = windows.into_iter();
        let Some(first) = windows.next() else { return ReleasedWindow::nothing(start) };
        let mut sum = ReleasedWindow { start, ..first.clone() };
        for window in windows {
            sum.add(window);
        }
        sum
    }

    fn add(&mut self, other: &ReleasedWindow) {
        self.suppressed |= other.suppressed;
        self.active_sessions = None;
        self.velocity_ms = None;
        let (stages, more) = (&mut self.stages, &other.stages);
        let (offers, more_offers) = (&mut self.offers, &other.offers);
        let (ended, more_ended) = (&mut self.ended, &other.ended);
        ended.duration_ms = None;
        ended.engaged_ms = None;
        for (sum, by) in [
            (&mut self.sessions, other.sessions),
            (&mut self.events, other.events),
            (&mut self.orders, other.orders),
            (&mut self.lost_events, other.lost_events),
            (&mut stages.low, more.low),
            (&mut stages.building, more.building),
            (&mut stages.high, more.high),
            (&mut stages.leaving, more.leaving),
            (&mut offers.decided, more_offers.decided),
            (&mut offers.exposed, more_offers.exposed),
            (&mut offers.accepted, more_offers.accepted),
            (&mut offers.dismissed, more_offers.dismissed),
            (&mut offers.holdout, more_offers.holdout),
            (&mut ended.sessions, more_ended.sessions),
            (&mut ended.hesitated, more_ended.hesitated),
            (&mut ended.offered, more_ended.offered),
            (&mut ended.bought, more_ended.bought),
            (&mut ended.offered_and_bought, more_ended.offered_and_bought),
        ] {
            *sum = match (*sum, by) {
                (None, None) => None,
                (some, by) => Some(some.unwrap_or_default() + by.unwrap_or_default()),
            };
        }
        add_map(&mut self.views, &other.views);
        add_map(&mut self.revenue, &other.revenue);
        add_map(&mut offers.withheld, &more_offers.withheld);
        add_rows(&mut self.hesitations, &other.hesitations, |row| (row.kind, row.zone, row.page), |row| &mut row.count);
        add_rows(
            &mut self.frustrations,
            &other.frustrations,
            |row| (row.kind, row.zone, row.page),
            |row| &mut row.count,
        );
        add_rows(&mut self.stage_moves, &other.stage_moves, |row| (row.from, row.to), |row| &mut row.count);
        add_rows(&mut self.lost, &other.lost, |row| (row.browser, row.path), |row| &mut row.count);
        add_rows(&mut self.dropped, &other.dropped, |row| (row.browser, row.cause), |row| &mut row.count);
        for more in &other.automated {
            match self.automated.iter_mut().find(|row| row.traffic == more.traffic) {
                Some(row) => {
                    row.sessions += more.sessions;
                    row.events += more.events;
                }
                None => self.automated.push(*more),
            }
        }
    }
}

fn add_map<K: Ord + Copy>(sums: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, by) in more {
        *sums.entry(*key).or_default() += by;
    }
}

/// Adds the counts of `more` to those rows of `sums` that have the same key; both are in the order of their keys.
fn add_rows<R: Copy, K: Ord>(sums: &mut Vec<R>, more: &[R], key: impl Fn(&R) -> K, count: impl Fn(&mut R) -> &mut u64) {
    for row in more {
        let mut row = *row;
        let by = *count(&mut row);
        match sums.binary_search_by_key(&key(&row), &key) {
            Ok(place) => *count(&mut sums[place]) += by,
            Err(place) => sums.insert(place, row),
        }
    }
}
