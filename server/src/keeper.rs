//! Keeps what must be kept and lets go of what must not: saves snapshots of the state, turns the keys of epochs, and enforces retention by
//! class.
//!
//! What is past its time leaves memory by the committer's sweep (sessions) and here (aggregates), and leaves the disk with the next
//! snapshot, which replaces the one before as files, and with the next trim of the log, which deletes whole segments. The log is only
//! ever trimmed up to what a durable snapshot holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use waver_core::session::FOLD_VERSION;
use waver_core::window::Kept;
use waver_store::{Cutoffs, EmbeddedState, EventLog, RowSeal, SnapshotStore, StoreError, Trimmed};

use crate::config::Retention;
use crate::host::Host;
use crate::keyring::{Keyring, Turn};
use crate::metrics::Metrics;
use crate::stop::Stop;

/// The task.
pub(crate) struct Keeper<L, S> {
    pub(crate) log: Arc<L>,
    pub(crate) state: Arc<EmbeddedState>,
    pub(crate) snapshots: S,
    /// Of two snapshots one is always older than half of what the log keeps of events, and neither older than all of it.
    pub(crate) anchors: [S; 2],
    pub(crate) retention: Retention,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) host: Host,
    pub(crate) metrics: Arc<Metrics>,
    /// Offset and time of the state in the snapshot that is there.
    pub(crate) saved: Option<(u64, u64)>,
}

impl<L: EventLog, S: SnapshotStore> Keeper<L, S> {
    /// Turns up every `snapshot_every` until told to stop, and once more then. Keys it looks after more often.
    pub(crate) async fn run(mut self, mut stop: Stop) {
        let mut turns = tokio::time::interval(turn_pace(self.retention.epoch));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rounds = tokio::time::interval(self.retention.snapshot_every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rounds.tick().await; // the first is at once, and nothing has changed yet
        loop {
            tokio::select! {
                _ = turns.tick() => self.turn_keys().await,
                _ = rounds.tick() => self.round().await,
                () = stop.told() => return self.round().await,
            }
        }
    }

    async fn turn_keys(&self) {
        match self.keyring.rotate().await {
            Ok(Turn { begun: 0, destroyed: 0 }) => {}
            Ok(Turn { begun, destroyed }) => tracing::info!(begun, destroyed, "the keys of epochs were turned"),
            Err(error) => tracing::error!("keys cannot be turned, and it is tried again: {error}"),
        }
    }

    async fn round(&mut self) {
        if let Err(error) = self.keep().await {
            tracing::error!("keeping failed and is tried again: {error}");
            self.metrics.kept(false);
        }
    }

    /// Lets go of aggregates past their time, saves a snapshot if anything changed, and trims the log.
    ///
    /// # Errors
    /// [`StoreError`] from the snapshot or the log. What was done before stays done.
    pub(crate) async fn keep(&mut self) -> Result<Trimmed, StoreError> {
        let now = self.host.now().max(self.state.clock());
        self.state.expire_windows(now, &self.kept());
        self.save().await?;
        self.anchor(now).await?;
        let trimmed = self.log.trim(&self.cutoffs(now)).await?;
        self.metrics.kept(true);
        Ok(trimmed)
    }

    async fn save(&mut self) -> Result<(), StoreError> {
        let captured = self.state.capture(FOLD_VERSION);
        let standing = (captured.applied(), captured.clock());
        if self.saved == Some(standing) {
            return Ok(());
        }
        let begun = Instant::now();
        // One part at a time: they are never all in memory.
        self.snapshots.save(captured.into_parts(self.seal())).await?;
        self.saved = Some(standing);
        self.metrics.saved(begun.elapsed());
        tracing::debug!(applied = standing.0, millis = begun.elapsed().as_millis(), "saved a snapshot");
        Ok(())
    }

    fn seal(&self) -> Arc<dyn RowSeal> {
        Arc::clone(&self.keyring) as Arc<dyn RowSeal>
    }

    fn kept(&self) -> Kept {
        Kept { minutes_ms: millis(self.retention.minutes), hours_ms: millis(self.retention.hours) }
    }

    /// Replaces the older of the anchors once the younger has half of the time that events are kept.
    async fn anchor(&mut self, now: u64) -> Result<(), StoreError> {
        let mut clocks = [0; 2];
        for (clock, anchor) in clocks.iter_mut().zip(&self.anchors) {
            if let Some(parts) = anchor.load().await? {
                *clock = EmbeddedState::standing(parts)?.1;
            }
        }
        let [a, b] = clocks;
        if now.saturating_sub(a.max(b)) < millis(self.retention.events / 2) {
            return Ok(());
        }
        let older = &self.anchors[usize::from(b < a)];
        older.save(self.state.capture(FOLD_VERSION).into_parts(self.seal())).await
    }

    /// Nothing goes that the snapshot may not hold yet, and what goes goes by whole segments: a segment that is cut in the middle would be
    /// written anew each time.
    fn cutoffs(&self, now: u64) -> Cutoffs {
        let held = self.saved.map_or(0, |(_, clock)| clock);
        let segment = millis(self.retention.segment());
        let before = |kept: Duration| now.saturating_sub(millis(kept)).min(held) / segment * segment;
        Cutoffs {
            events: before(self.retention.events),
            consent: before(self.retention.consent),
            dead_letters: before(self.retention.dead_letters),
            shop: before(self.retention.shop),
        }
    }
}

/// How often to look for keys whose time has come: so that none is late by more than ten seconds, or a thousandth of an epoch.
fn turn_pace(epoch: Duration) -> Duration {
    (epoch / 1000).clamp(Duration::from_millis(10), Duration::from_secs(10))
}

/// Whole milliseconds; as many as fit.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
