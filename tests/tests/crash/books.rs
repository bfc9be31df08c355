use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use waver_sim::shopper::Dice;
use waver_tests::caller::Caller;
use waver_tests::collector::{Collector, Ended};
use waver_tests::visit::Visit;

/// A visit is sent again for so long after it was: the session is gone forty minutes after its last event, and what it sent is refused then.
const AUDITED_FOR: Duration = Duration::from_secs(25 * 60);

/// What the senders know to be stored, and what they do not know.
pub(crate) struct Books {
    /// Since when each is here.
    visits: Mutex<Vec<(Instant, Visit)>>,
    sessions: AtomicU64,
    acknowledged: AtomicU64,
    /// By sender: events of the batch that it has sent and not heard of.
    in_doubt: Vec<AtomicU64>,
    offers: AtomicU64,
    troubles: AtomicU64,
    audited: AtomicU64,
    replayed: AtomicU64,
    decided_again: AtomicU64,
    closed: AtomicBool,
}

impl Books {
    pub(crate) fn new(senders: u64) -> Books {
        Books {
            visits: Mutex::default(),
            sessions: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            in_doubt: (0..senders).map(|_| AtomicU64::new(0)).collect(),
            offers: AtomicU64::new(0),
            troubles: AtomicU64::new(0),
            audited: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            decided_again: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Says that no sender should begin anything more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn doubt(&self, sender: u64, events: u64) {
        self.in_doubt[sender as usize].store(events, Ordering::SeqCst);
    }

    pub(crate) fn acknowledge(&self, sender: u64, events: u64) {
        self.doubt(sender, 0);
        self.acknowledged.fetch_add(events, Ordering::SeqCst);
    }

    pub(crate) fn offered(&self) {
        self.offers.fetch_add(1, Ordering::SeqCst);
    }

    /// A request that was sent was not answered, or answered with "later".
    pub(crate) fn troubled(&self) {
        self.troubles.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub(crate) fn in_doubt(&self) -> u64 {
        self.in_doubt.iter().map(|events| events.load(Ordering::SeqCst)).sum()
    }

    pub(crate) fn enter(&self, visit: Visit) {
        self.sessions.fetch_add(1, Ordering::SeqCst);
        self.visits().push((Instant::now(), visit));
    }

    /// Sends all events of some visits again, of all of them if there are fewer than `most`: each event is known already, and what was
    /// withdrawn is still withdrawn.
    pub(crate) async fn audit(&self, caller: &Caller, most: usize, dice: &mut Dice) -> Result<()> {
        // Nobody else has them meanwhile: senders are at rest, or gone.
        let mut visits = std::mem::take(&mut *self.visits());
        visits.retain(|(since, _)| since.elapsed() < AUDITED_FOR);
        let count = visits.len();
        for place in 0..count.min(most) {
            let chosen = if most < count { dice.index(count) } else { place };
            let (_, visit) = &mut visits[chosen];
            let events = visit.audit(caller).await?;
            self.audited.fetch_add(events, Ordering::SeqCst);
        }
        self.visits().append(&mut visits);
        Ok(())
    }

    /// Lets the stopped collector rebuild its state from the log, take its decisions again, and compare.
    pub(crate) async fn replayed(&self, collector: &Collector) -> Result<()> {
        let Ended { code, output } = collector.run(&["replay", "--json"]).await?;
        ensure!(code == Some(0), "waver replay ended with {code:?}:\n{output}");
        let json = output.find('{').map(|begin| &output[begin..]).unwrap_or_default();
        let proof: Value = serde_json::Deserializer::from_str(json).into_iter().next().context("a proof")??;
        ensure!(proof["differences"] == 0, "{proof}");
        let number = |name: &str| proof[name].as_u64().with_context(|| format!("no {name} in {proof}"));
        self.replayed.fetch_add(number("records")?, Ordering::SeqCst);
        self.decided_again.fetch_add(number("decisions")?, Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn summary(&self) -> String {
        let number = |number: &AtomicU64| number.load(Ordering::SeqCst);
        format!(
            "{} events of {} sessions acknowledged, {} offers; {} requests without an answer; {} events sent again to check; {} records \
             replayed to compare, {} decisions taken again",
            number(&self.acknowledged),
            number(&self.sessions),
            number(&self.offers),
            number(&self.troubles),
            number(&self.audited),
            number(&self.replayed),
            number(&self.decided_again),
        )
    }

    fn visits(&self) -> MutexGuard<'_, Vec<(Instant, Visit)>> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
