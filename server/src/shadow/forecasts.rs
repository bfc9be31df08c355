//! Each session once: what is known of it early, and whether it bought in the end.

use std::collections::{HashMap, HashSet};

use waver_core::session::{SessionState, TOLD_FEATURES};
use waver_schema::{Feature, TrafficClass};
use waver_store::Pseudonym;

use crate::state::GRACE_MS;

/// A session is looked at once it has so many page views: early enough to act on, late enough to have seen something.
pub(crate) const VIEWS: u32 = 3;
/// Sessions that may wait for their end. Those beyond are passed over, and counted.
const MOST_WAITING: usize = 100_000;

/// Values of [`TOLD_FEATURES`].
pub(crate) type Told = [f64; TOLD_FEATURES.len()];

/// Sessions of a site whose end is waited for; `T` is what is remembered of each meanwhile.
#[derive(Debug)]
pub(crate) struct Forecasts<T> {
    waiting: HashMap<Pseudonym, Waiting<T>>,
    /// Those that are done with and may still send, by when they are over.
    judged: HashMap<Pseudonym, u64>,
    passed_over: u64,
    swept_at: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    forecast: T,
    /// When it ends unless something happens, the grace included.
    over_at: u64,
}

impl<T> Default for Forecasts<T> {
    fn default() -> Forecasts<T> {
        Forecasts { waiting: HashMap::new(), judged: HashMap::new(), passed_over: 0, swept_at: 0 }
    }
}

impl<T> Forecasts<T> {
    /// Looks at a session after a batch of it was stored. `forecast` is called once for each session; what it gave comes back with the purchase.
    pub(crate) fn see(
        &mut self,
        pseudonym: Pseudonym,
        session: &SessionState,
        forecast: impl FnOnce(Told) -> T,
    ) -> Option<T> {
        let over_at = session.ends_at().saturating_add(GRACE_MS);
        if let Some(judged) = self.judged.get_mut(&pseudonym) {
            *judged = over_at;
            return None;
        }
        if session.traffic() != TrafficClass::Shopper {
            self.waiting.remove(&pseudonym);
            return None;
        }
        if let Some(waiting) = self.waiting.get_mut(&pseudonym) {
            waiting.over_at = over_at;
            if !session.has_bought() {
                return None;
            }
            self.judged.insert(pseudonym, over_at);
            return self.waiting.remove(&pseudonym).map(|waiting| waiting.forecast);
        }
        let features = session.features().filter(|features| features.get(Feature::Views) >= VIEWS.into())?;
        if self.waiting.len() + self.judged.len() >= MOST_WAITING {
            self.passed_over += 1;
        } else if session.has_bought() {
            // What was bought already is no forecast.
            self.judged.insert(pseudonym, over_at);
        } else {
            let forecast = forecast(TOLD_FEATURES.map(|feature| features.get(feature)));
            self.waiting.insert(pseudonym, Waiting { forecast, over_at });
        }
        None
    }

    /// Those that ended by `now` (Unix milliseconds) without an order. Once a minute: it looks at all.
    pub(crate) fn ended(&mut self, now: u64) -> Vec<T> {
        const PACE_MS: u64 = 60_000;
        if now < self.swept_at.saturating_add(PACE_MS) {
            return Vec::new();
        }
        self.swept_at = now;
        self.all_ended(now)
    }

    /// The same, whenever it was done last.
    pub(crate) fn all_ended(&mut self, now: u64) -> Vec<T> {
        self.judged.retain(|_, over_at| *over_at >= now);
        let over: HashSet<Pseudonym> =
            self.waiting.iter().filter(|(_, waiting)| waiting.over_at < now).map(|(who, _)| *who).collect();
        over.into_iter().filter_map(|who| self.waiting.remove(&who)).map(|waiting| waiting.forecast).collect()
    }

    /// Forgets a session.
    pub(crate) fn forget(&mut self, pseudonym: Pseudonym) {
        self.waiting.remove(&pseudonym);
        self.judged.remove(&pseudonym);
    }

    /// Sessions whose end is waited for.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Sessions that were passed over because too many waited for their end.
    pub(crate) const fn passed_over(&self) -> u64 {
        self.passed_over
    }
}
