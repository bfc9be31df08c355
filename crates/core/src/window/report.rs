use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::{
    BrowserFamily, Currency, DecisionReason, DropCause, FrustrationKind, HesitationKind, PageType, Stage, TrafficClass,
    Zone,
};

use super::tally::{Ended, Plain, Tally};
use crate::session::ExitPath;

/// Aggregates over a stretch of time, in steps and in all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Start of the first window, Unix milliseconds.
    pub from: u64,
    /// End of the last window, Unix milliseconds, exclusive.
    pub to: u64,
    /// Length of a window.
    pub step_ms: u64,
    /// The windows, oldest first.
    pub windows: Vec<WindowReport>,
    /// All windows together; its start is that of the first.
    pub total: WindowReport,
    /// How events came, against the time in them.
    pub lateness: Lateness,
}

/// How late events came, since the site's windows began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lateness {
    /// Unix milliseconds up to which events are taken to have come; null before the first. What comes behind it is late.
    pub watermark: Option<u64>,
    /// Events that came when the watermark had passed the window they belong to. They corrected it.
    pub late: u64,
    /// Events whose window was not kept any more. They are in the log and in their sessions, and in no aggregate.
    pub too_late: u64,
}

/// Aggregates of one window, exactly. Counts are by event time. What leaves the collector is a [`super::ReleasedWindow`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowReport {
    /// Start, Unix milliseconds.
    pub start: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Different sessions of which something was stored, within some 2.3 percent (one standard error).
    pub active_sessions: u64,
    /// Events stored.
    pub events: u64,
    /// Page views by kind of page.
    pub views: BTreeMap<PageType, u64>,
    /// Hesitations by kind, zone and page.
    pub hesitations: Vec<HesitationCount>,
    /// Frustrations by kind, zone and page.
    pub frustrations: Vec<FrustrationCount>,
    /// Entries into each stage of intent.
    pub stages: StageCounts,
    /// Moves between stages of intent.
    pub stage_moves: Vec<StageMoveCount>,
    /// Offers by what became of them.
    pub offers: OfferCounts,
    /// Orders placed.
    pub orders: u64,
    /// Value of the orders by currency, in minor units.
    pub revenue: BTreeMap<Currency, u64>,
    /// From the shopper's signal to the offer on the page; null where no offer was shown.
    pub velocity_ms: Option<QuantilesMs>,
    /// Sessions whose last event was here and that are over.
    pub ended: EndedSessions,
    /// Events that never arrived, as gaps in the sequence numbers tell.
    pub lost_events: u64,
    /// The same by browser and exit path.
    pub lost: Vec<LossCount>,
    /// Events that browsers say they had to drop. Those that had a number already are among the lost ones too.
    pub dropped: Vec<DropCount>,
    /// Traffic that is not of shoppers. None of it is in any other count.
    pub automated: Vec<AutomatedCount>,
}

/// Sessions that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EndedSessions {
    /// How many.
    pub sessions: u64,
    /// In which the shopper hesitated.
    pub hesitated: u64,
    /// In which an offer was rendered.
    pub offered: u64,
    /// In which something was bought.
    pub bought: u64,
    /// In which an offer was rendered and something was bought.
    pub offered_and_bought: u64,
    /// From the beginning to the last event; null without any.
    pub duration_ms: Option<QuantilesMs>,
    /// Attention; null without any.
    pub engaged_ms: Option<QuantilesMs>,
}

/// How many events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LossCount {
    /// By which kind of browser.
    pub browser: BrowserFamily,
    /// On which way.
    pub path: ExitPath,
    /// How many.
    pub count: u64,
}

/// How many events were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DropCount {
    /// By which kind of browser.
    pub browser: BrowserFamily,
    /// Why.
    pub cause: DropCause,
    /// How many.
    pub count: u64,
}

/// Traffic of a class that is not shoppers'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AutomatedCount {
    /// Its class.
    pub traffic: TrafficClass,
    /// Sessions that began.
    pub sessions: u64,
    /// Events stored.
    pub events: u64,
}

/// How often a hesitation was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HesitationCount {
    /// Its kind.
    pub kind: HesitationKind,
    /// Where on the page.
    pub zone: Option<Zone>,
    /// Kind of page.
    pub page: PageType,
    /// How often.
    pub count: u64,
}

/// How often a frustration was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FrustrationCount {
    /// Its kind.
    pub kind: FrustrationKind,
    /// Where on the page.
    pub zone: Option<Zone>,
    /// Kind of page.
    pub page: PageType,
    /// How often.
    pub count: u64,
}

/// Entries into each stage of intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StageCounts {
    /// Into `low`.
    pub low: u64,
    /// Into `building`.
    pub building: u64,
    /// Into `high`.
    pub high: u64,
    /// Into `leaving`.
    pub leaving: u64,
}

/// How often a session moved between two stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StageMoveCount {
    /// The stage before.
    pub from: Stage,
    /// The stage entered.
    pub to: Stage,
    /// How often.
    pub count: u64,
}

/// Offers by what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfferCounts {
    /// Offers decided.
    pub decided: u64,
    /// Offers rendered.
    pub exposed: u64,
    /// Offers taken.
    pub accepted: u64,
    /// Offers closed.
    pub dismissed: u64,
    /// Offers that sessions in the holdout would have been made.
    pub holdout: u64,
    /// Decisions to offer nothing, by reason.
    pub withheld: BTreeMap<DecisionReason, u64>,
}

/// A distribution of times, in milliseconds, each quantile within one percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QuantilesMs {
    /// How many.
    pub count: u64,
    /// Half took at most this.
    pub p50: u64,
    /// 95 of 100 took at most this.
    pub p95: u64,
    /// 99 of 100 took at most this.
    pub p99: u64,
}

impl WindowReport {
    pub(crate) fn of(start: u64, tally: &Tally) -> WindowReport {
        let plain = |what| tally.plain.get(what);
        WindowReport {
            start,
            sessions: plain(Plain::Sessions),
            active_sessions: tally.active.count(),
            events: plain(Plain::Events),
            views: tally.views.iter().collect(),
            hesitations: tally
                .hesitations
                .iter()
                .map(|((kind, zone, page), count)| HesitationCount { kind, zone, page, count })
                .collect(),
            frustrations: tally
                .frustrations
                .iter()
                .map(|((kind, zone, page), count)| FrustrationCount { kind, zone, page, count })
                .collect(),
            stages: StageCounts {
                low: tally.stages.get(Stage::Low),
                building: tally.stages.get(Stage::Building),
                high: tally.stages.get(Stage::High),
                leaving: tally.stages.get(Stage::Leaving),
            },
            stage_moves: tally
                .stage_moves
                .iter()
                .map(|((from, to), count)| StageMoveCount { from, to, count })
                .collect(),
            offers: OfferCounts {
                decided: plain(Plain::Decided),
                exposed: plain(Plain::Exposed),
                accepted: plain(Plain::Accepted),
                dismissed: plain(Plain::Dismissed),
                holdout: plain(Plain::HeldOut),
                withheld: tally.withheld.iter().collect(),
            },
            orders: plain(Plain::Orders),
            revenue: tally.revenue.iter().collect(),
            velocity_ms: tally.velocity.summary(),
            ended: EndedSessions::of(tally),
            lost_events: tally.lost.total(),
            lost: tally.lost.iter().map(|((browser, path), count)| LossCount { browser, path, count }).collect(),
            dropped: tally
                .dropped
                .iter()
                .map(|((browser, cause), count)| DropCount { browser, cause, count })
                .collect(),
            automated: TrafficClass::ALL.iter().filter_map(|traffic| AutomatedCount::of(tally, *traffic)).collect(),
        }
    }
}

impl EndedSessions {
    pub(super) fn of(tally: &Tally) -> EndedSessions {
        let with = |which: fn(&Ended) -> bool| {
            tally.ended.iter().filter(|(ended, _)| which(ended)).map(|(_, count)| count).sum()
        };
        EndedSessions {
            sessions: with(|_| true),
            hesitated: with(|ended| ended.hesitated),
            offered: with(|ended| ended.offered),
            bought: with(|ended| ended.bought),
            offered_and_bought: with(|ended| ended.offered && ended.bought),
            duration_ms: tally.duration.summary(),
            engaged_ms: tally.engaged.summary(),
        }
    }
}

impl AutomatedCount {
    /// `None` without any.
    pub(super) fn of(tally: &Tally, traffic: TrafficClass) -> Option<AutomatedCount> {
        let (sessions, events) = (tally.automated_sessions.get(traffic), tally.automated_events.get(traffic));
        (sessions + events > 0).then_some(AutomatedCount { traffic, sessions, events })
    }
}
