//! What of a window may leave the collector: no number that fewer than `k` sessions stand behind, and none from which such a number follows.
//!
//! The rules are those of statistical disclosure control (Hundepool and others, Statistical Disclosure Control, 2012): a threshold for each
//! cell, and complementary suppression where a table also has totals.
//!
//! - *Threshold*: a cell is released when at least `k` sessions reached it. What is counted is the sessions that reached it first in
//!   this window ([`crate::session::mark_reached`]), which is never more than there were.
//! - *Parts of a whole*: where both a whole and a part of it are released, so is what is left. It must be of `k` sessions too, or else the part is
//!   suppressed; also where nothing is left, since then the part says of everybody in the whole what they did.
//! - *Quantiles*: a quantile is released when `k` sessions lie beyond it, since otherwise it is the time of one of a few.
//!
//! A count of events says nothing of how they spread over the sessions: one session may have most of them. That is no attack on a
//! pseudonym, and the bounds on what a session can store limit it.

use waver_schema::{PageType, Stage, TrafficClass};

use super::released::{ReleasedEnded, ReleasedOffers, ReleasedQuantilesMs, ReleasedStages, ReleasedWindow};
use super::report::{
    AutomatedCount, DropCount, EndedSessions, FrustrationCount, HesitationCount, LossCount, QuantilesMs, StageMoveCount,
};
use super::tally::{Plain, Tally};
use crate::session::Cell;

/// What sessions did first in a window: each session is in each of these numbers once at most, over all windows together. So whoever adds or takes
/// away one session changes no more than [`OncePerSession::MEASURES`] of them, by one each: the bound on contribution that noise needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OncePerSession {
    /// Began.
    pub sessions: u64,
    /// Viewed a product.
    pub viewed_product: u64,
    /// Hesitated.
    pub hesitated: u64,
    /// Were frustrated.
    pub frustrated: u64,
    /// Were shown an offer.
    pub shown: u64,
    /// Took an offer.
    pub accepted: u64,
    /// Ordered.
    pub ordered: u64,
}

impl OncePerSession {
    /// How many numbers there are.
    pub const MEASURES: usize = 7;

    pub(super) fn of(tally: &Tally) -> OncePerSession {
        let of = |cell| tally.reached.get(cell);
        OncePerSession {
            sessions: tally.plain.get(Plain::Sessions),
            viewed_product: of(Cell::View(PageType::Product)),
            hesitated: of(Cell::Hesitated),
            frustrated: of(Cell::Frustrated),
            shown: of(Cell::Exposed),
            accepted: of(Cell::Accepted),
            ordered: of(Cell::Order),
        }
    }
}

/// How many sessions must stand behind each number that is released.
#[derive(Debug, Clone, Copy)]
struct Threshold(u64);

/// What `tally` counted in the window that begins at `start`, as far as it is of `k` sessions.
pub(super) fn release(start: u64, tally: &Tally, k: u64) -> ReleasedWindow {
    let at_least = Threshold(k);
    let of = |cell| tally.reached.get(cell);
    let active = tally.active.count();
    let began = at_least.pass(tally.plain.get(Plain::Sessions), tally.plain.get(Plain::Sessions));
    let lost: Vec<LossCount> = (tally.lost.iter())
        .filter(|((browser, path), _)| at_least.holds(of(Cell::Lost(*browser, *path))))
        .map(|((browser, path), count)| LossCount { browser, path, count })
        .collect();
    ReleasedWindow {
        start,
        suppressed: true,
        sessions: began,
        // Those who were here before are what is left without those who began.
        active_sessions: at_least
            .pass(active, active)
            .filter(|active| began.is_none_or(|began| at_least.leave(*active, began))),
        events: at_least.pass(tally.plain.get(Plain::Events), active),
        views: tally.views.iter().filter(|(page, _)| at_least.holds(of(Cell::View(*page)))).collect(),
        hesitations: (tally.hesitations.iter())
            .filter(|((kind, zone, page), _)| at_least.holds(of(Cell::Hesitation(*kind, *zone, *page))))
            .map(|((kind, zone, page), count)| HesitationCount { kind, zone, page, count })
            .collect(),
        frustrations: (tally.frustrations.iter())
            .filter(|((kind, zone, page), _)| at_least.holds(of(Cell::Frustration(*kind, *zone, *page))))
            .map(|((kind, zone, page), count)| FrustrationCount { kind, zone, page, count })
            .collect(),
        stages: at_least.stages(tally),
        stage_moves: (tally.stage_moves.iter())
            .filter(|((from, to), _)| at_least.holds(of(Cell::StageMove(*from, *to))))
            .map(|((from, to), count)| StageMoveCount { from, to, count })
            .collect(),
        offers: at_least.offers(tally),
        orders: at_least.pass(tally.plain.get(Plain::Orders), of(Cell::Order)),
        revenue: (tally.revenue.iter()).filter(|(currency, _)| at_least.holds(of(Cell::Revenue(*currency)))).collect(),
        velocity_ms: at_least.velocity(tally),
        ended: at_least.ended(tally),
        lost_events: (!lost.is_empty()).then(|| lost.iter().map(|cell| cell.count).sum()),
        lost,
        dropped: (tally.dropped.iter())
            .filter(|((browser, cause), _)| at_least.holds(of(Cell::Dropped(*browser, *cause))))
            .map(|((browser, cause), count)| DropCount { browser, cause, count })
            .collect(),
        automated: (TrafficClass::ALL.iter())
            .filter_map(|traffic| AutomatedCount::of(tally, *traffic))
            .filter(|class| at_least.holds(class.sessions))
            .collect(),
    }
}

impl Threshold {
    fn holds(self, sessions: u64) -> bool {
        sessions >= self.0
    }

    /// `value`, if enough sessions stand behind it.
    fn pass(self, value: u64, sessions: u64) -> Option<u64> {
        self.holds(sessions).then_some(value)
    }

    /// Whether enough are left of `whole` without `part`, were each of one session.
    fn leave(self, whole: u64, part: u64) -> bool {
        whole.checked_sub(part).is_some_and(|left| self.holds(left))
    }

    /// Entries into a stage are moves from another and, once for each session, the first score: whoever takes the moves that are released from the
    /// entries has what is left.
    fn stages(self, tally: &Tally) -> ReleasedStages {
        let into = |stage: Stage| {
            let entries = tally.stages.get(stage);
            let moves = |from: &Stage| tally.stage_moves.get((*from, stage));
            let first = entries.saturating_sub(Stage::ALL.iter().map(moves).sum());
            let (released, hidden): (Vec<Stage>, Vec<Stage>) =
                Stage::ALL.iter().partition(|from| self.holds(tally.reached.get(Cell::StageMove(**from, stage))));
            let left = entries.saturating_sub(released.iter().map(moves).sum());
            let of_sessions = hidden.iter().map(|from| tally.reached.get(Cell::StageMove(*from, stage))).max();
            let is_safe = released.is_empty() || left == 0 || self.holds(first.max(of_sessions.unwrap_or_default()));
            self.pass(entries, tally.reached.get(Cell::Stage(stage))).filter(|_| is_safe)
        };
        ReleasedStages {
            low: into(Stage::Low),
            building: into(Stage::Building),
            high: into(Stage::High),
            leaving: into(Stage::Leaving),
        }
    }

    /// An offer that is decided is rendered or not; one that is rendered is taken, closed, or neither.
    fn offers(self, tally: &Tally) -> ReleasedOffers {
        let count = |plain, cell| (tally.plain.get(plain), tally.reached.get(cell));
        let pass = |(value, sessions)| self.pass(value, sessions);
        let leaves = |(whole, of_whole): (u64, u64), (part, of_part): (u64, u64)| {
            self.leave(whole, part) && self.leave(of_whole, of_part)
        };
        let decided = count(Plain::Decided, Cell::Decided);
        let shown = count(Plain::Exposed, Cell::Exposed);
        let (taken, closed) = (count(Plain::Accepted, Cell::Accepted), count(Plain::Dismissed, Cell::Dismissed));
        let exposed = pass(shown);
        let accepted = pass(taken).filter(|_| leaves(shown, taken));
        let answered = accepted.map_or((0, 0), |_| taken);
        let dismissed = pass(closed)
            .filter(|_| leaves(shown, closed) && leaves(shown, (closed.0 + answered.0, closed.1 + answered.1)));
        ReleasedOffers {
            // How many were rendered is worth more than how many were decided, which says of a few whose page failed.
            decided: pass(decided).filter(|_| exposed.is_none() || decided.0 == shown.0 || leaves(decided, shown)),
            exposed,
            accepted,
            dismissed,
            holdout: pass(count(Plain::HeldOut, Cell::HeldOut)),
            withheld: (tally.withheld.iter())
                .filter(|(reason, _)| self.holds(tally.reached.get(Cell::Withheld(*reason))))
                .collect(),
        }
    }

    /// Each session ends once, so that these counts are of sessions.
    fn ended(self, tally: &Tally) -> ReleasedEnded {
        let EndedSessions { sessions, hesitated, offered, bought, offered_and_bought: both, duration_ms, engaged_ms } =
            EndedSessions::of(tally);
        let part = |of: u64| (self.holds(of) && self.leave(sessions, of)).then_some(of);
        let either = offered + bought - both;
        // Three numbers of a table of two by two give the fourth.
        let table = part(offered).is_some() && part(bought).is_some();
        let cells = [both, offered - both, bought - both, sessions.saturating_sub(either)];
        let offered_and_bought = (self.holds(both) && self.leave(sessions, both)).then_some(both).filter(|_| {
            !table && self.leave(offered, both) && self.leave(bought, both)
                || cells.iter().all(|cell| self.holds(*cell))
        });
        ReleasedEnded {
            sessions: self.pass(sessions, sessions),
            hesitated: part(hesitated),
            offered: part(offered),
            bought: part(bought),
            offered_and_bought,
            duration_ms: duration_ms.and_then(|times| self.quantiles(times, sessions)),
            engaged_ms: engaged_ms.and_then(|times| self.quantiles(times, sessions)),
        }
    }

    fn velocity(self, tally: &Tally) -> Option<ReleasedQuantilesMs> {
        let times = self.quantiles(tally.velocity.summary()?, tally.reached.get(Cell::Timed))?;
        let shown = tally.plain.get(Plain::Exposed);
        let hides = |count: u64| shown == count || self.leave(shown, count);
        Some(ReleasedQuantilesMs { count: times.count.filter(|count| hides(*count)), ..times })
    }

    fn quantiles(self, times: QuantilesMs, sessions: u64) -> Option<ReleasedQuantilesMs> {
        let of = sessions.min(times.count);
        let beyond = |percent: u64| self.holds(of * (100 - percent) / 100);
        self.holds(of).then(|| ReleasedQuantilesMs {
            count: Some(times.count),
            p50: beyond(50).then_some(times.p50),
            p95: beyond(95).then_some(times.p95),
            p99: beyond(99).then_some(times.p99),
        })
    }
}
