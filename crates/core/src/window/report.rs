use std::collections::BTreeMap;

use serde::Serialize;
use waver_schema::{Currency, DecisionReason, FrustrationKind, HesitationKind, PageType, Stage, Zone};

use super::tally::{Plain, Tally};

/// Aggregates over a stretch of time, in steps and in all.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
}

/// Aggregates of one window. Counts are by event time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowReport {
    /// Start, Unix milliseconds.
    pub start: u64,
    /// Sessions that began.
    pub sessions: u64,
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
    pub velocity_ms: Option<VelocityMs>,
    /// Events that never arrived, as gaps in the sequence numbers tell.
    pub lost_events: u64,
}

/// How often a hesitation was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

/// The distribution of the time from signal to offer, in milliseconds, each quantile within one percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VelocityMs {
    /// How many offers.
    pub count: u64,
    /// Half were at least as fast.
    pub p50: u64,
    /// 95 of 100 were at least as fast.
    pub p95: u64,
    /// 99 of 100 were at least as fast.
    pub p99: u64,
}

impl WindowReport {
    pub(crate) fn of(start: u64, tally: &Tally) -> WindowReport {
        let plain = |what| tally.plain.get(what);
        WindowReport {
            start,
            sessions: plain(Plain::Sessions),
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
            lost_events: plain(Plain::Lost),
        }
    }
}
