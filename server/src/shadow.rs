//! What the models would have said, and how right they are. Nothing here decides anything.
//!
//! The *champion* is the model in the browser, whose score comes with the events. A *challenger* is an artifact of the configuration that the
//! collector scores in its shadow, on what it knows of the same sessions at the same moment: each session once, as soon as it has
//! [`SCORED_AT_VIEWS`] page views, so that how long a session went on does not choose when it is judged. Whether it bought is known at its
//! end. Of each day both models have a table of [calibration], and each feature a histogram, by which days are compared ([drift]).
//!
//! This is kept in memory alone and begins anew with the process: it holds sums by the day, and of sessions under way a few numbers
//! under their pseudonyms, which go with an erasure.

mod calibration;
mod drift;
mod metrics;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use waver_core::model::{MAX_BYTES, Model};
use waver_core::session::{SessionState, TOLD_FEATURES};
use waver_schema::{Feature, TrafficClass, limits};
use waver_store::Pseudonym;

use crate::site::SiteIndex;
use crate::state::GRACE_MS;

pub(crate) use calibration::{Bin, Calibration};
pub(crate) use drift::psi;
pub(crate) use metrics::Met;

use drift::Histogram;

/// A session is scored once it has so many page views: early enough to act on, late enough to have seen something.
const SCORED_AT_VIEWS: u32 = 3;
/// Sessions of a site that may wait for their end. Those beyond are not judged, and counted.
const MOST_WAITING: usize = 100_000;
/// Days that are kept.
const DAYS: usize = 30;
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Sessions of a day have ended so long after it.
const SETTLED_MS: u64 = limits::SESSION_MAX_MS + GRACE_MS;
/// What a challenger has to estimate.
const TASK: &str = "p_buy";

/// A challenger that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChallengerError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is no artifact, or not one that can be scored here.
    #[error("{path}: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A challenger, and which of the features it wants in which order.
#[derive(Debug)]
struct Challenger {
    model: Model,
    features: Vec<Feature>,
}

impl Challenger {
    fn load(path: &Path) -> Result<Challenger, ChallengerError> {
        let read = |source| ChallengerError::Read { path: path.to_owned(), source };
        let unusable = |reason| ChallengerError::Unusable { path: path.to_owned(), reason };
        if std::fs::metadata(path).map_err(read)?.len() > MAX_BYTES as u64 {
            return Err(unusable(format!("a model has at most {MAX_BYTES} bytes")));
        }
        let model = Model::decode(&std::fs::read(path).map_err(read)?).map_err(|error| unusable(error.to_string()))?;
        Challenger::new(model).map_err(unusable)
    }

    fn new(model: Model) -> Result<Challenger, String> {
        let parts = model.parts();
        if parts.task != TASK {
            return Err(format!("it estimates `{}`, and a challenger has to estimate `{TASK}`", parts.task));
        }
        let find = |name: &String| {
            TOLD_FEATURES.into_iter().find(|feature| feature.as_str() == name).ok_or_else(|| {
                let told = TOLD_FEATURES.map(Feature::as_str).join(", ");
                format!("it wants the feature `{name}`, and the collector knows of {told}")
            })
        };
        let features = parts.features.iter().map(find).collect::<Result<_, String>>()?;
        Ok(Challenger { model, features })
    }

    /// The score, 0..=1.
    fn score(&self, told: &[f64; TOLD_FEATURES.len()]) -> f64 {
        let value =
            |feature: &Feature| TOLD_FEATURES.iter().position(|known| known == feature).map(|place| told[place]);
        let values: Vec<f64> = self.features.iter().filter_map(value).collect();
        self.model.score(&values)
    }
}

/// A session that was scored and has not ended.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    day: u64,
    champion: f64,
    challenger: Option<f64>,
    /// When it ends unless something happens, the grace included.
    over_at: u64,
}

/// A day's sums.
#[derive(Debug, Clone, Default)]
pub(crate) struct Day {
    pub(crate) champion: Calibration,
    pub(crate) challenger: Calibration,
    features: [Histogram; TOLD_FEATURES.len()],
}

#[derive(Debug, Default)]
struct OfSite {
    waiting: HashMap<Pseudonym, Waiting>,
    /// Those that are done with and may still send, by when they are over.
    judged: HashMap<Pseudonym, u64>,
    days: BTreeMap<u64, Day>,
    passed_over: u64,
    swept_at: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shadow {
    challenger: Option<Challenger>,
    sites: Vec<Mutex<OfSite>>,
}

/// What is told of a site.
#[derive(Debug)]
pub(crate) struct Report {
    /// The settled days by their start, the oldest first.
    pub(crate) days: Vec<(u64, Day)>,
    /// For each feature, how far the last of these days is from those before it; `None` where too few sessions stand behind that.
    pub(crate) drift: Vec<(Feature, Option<f64>)>,
    /// Sessions that were not judged because too many waited for their end.
    pub(crate) passed_over: u64,
}

impl Shadow {
    /// For so many sites, with the challenger at `path` if there is one.
    ///
    /// # Errors
    /// [`ChallengerError`].
    pub(crate) fn new(sites: usize, path: Option<&Path>) -> Result<Shadow, ChallengerError> {
        Ok(Shadow::over(sites, path.map(Challenger::load).transpose()?))
    }

    fn over(sites: usize, challenger: Option<Challenger>) -> Shadow {
        Shadow { challenger, sites: (0..sites).map(|_| Mutex::default()).collect() }
    }

    /// The challenger's own name.
    pub(crate) fn challenger(&self) -> Option<&str> {
        self.challenger.as_ref().map(|challenger| challenger.model.parts().name.as_str())
    }

    /// Looks at a session after a batch of it was stored at `now` (Unix milliseconds).
    pub(crate) fn see(&self, site: SiteIndex, pseudonym: Pseudonym, session: &SessionState, now: u64) {
        let mut of_site = self.of(site);
        of_site.sweep(now);
        let over_at = session.ends_at().saturating_add(GRACE_MS);
        if let Some(judged) = of_site.judged.get_mut(&pseudonym) {
            *judged = over_at;
            return;
        }
        if session.traffic() != TrafficClass::Shopper {
            of_site.waiting.remove(&pseudonym);
            return;
        }
        if let Some(waiting) = of_site.waiting.get_mut(&pseudonym) {
            waiting.over_at = over_at;
            if session.has_bought() {
                let waiting = *waiting;
                of_site.waiting.remove(&pseudonym);
                of_site.judge(waiting, true);
                of_site.judged.insert(pseudonym, over_at);
            }
            return;
        }
        let Some(features) =
            session.features().filter(|features| features.get(Feature::Views) >= SCORED_AT_VIEWS.into())
        else {
            return;
        };
        if of_site.waiting.len() + of_site.judged.len() >= MOST_WAITING {
            of_site.passed_over += 1;
            return;
        }
        // What was bought already is no forecast.
        if session.has_bought() {
            of_site.judged.insert(pseudonym, over_at);
            return;
        }
        let told = TOLD_FEATURES.map(|feature| features.get(feature));
        let day = of_site.day(now / DAY_MS);
        for ((feature, histogram), value) in TOLD_FEATURES.into_iter().zip(&mut day.features).zip(told) {
            histogram.add(feature, value);
        }
        let challenger = self.challenger.as_ref().map(|challenger| challenger.score(&told));
        let champion = features.get(Feature::PBuy);
        of_site.waiting.insert(pseudonym, Waiting { day: now / DAY_MS, champion, challenger, over_at });
    }

    /// Forgets sessions that are erased. What they added to the sums of a day stays, as one among others.
    pub(crate) fn forget(&self, site: SiteIndex, pseudonyms: impl Iterator<Item = Pseudonym>) {
        let mut of_site = self.of(site);
        for pseudonym in pseudonyms {
            of_site.waiting.remove(&pseudonym);
            of_site.judged.remove(&pseudonym);
        }
    }

    /// What is known at `now`. Only days all of whose sessions have ended: what they say never changes again, so that nobody learns of a session
    /// by asking twice.
    pub(crate) fn report(&self, site: SiteIndex, now: u64) -> Report {
        let mut of_site = self.of(site);
        of_site.sweep(now);
        let is_settled = |day: &u64| (day + 1) * DAY_MS + SETTLED_MS <= now;
        let settled: Vec<(u64, &Day)> =
            of_site.days.iter().filter(|(day, _)| is_settled(day)).map(|(day, sums)| (*day, sums)).collect();
        let drift = TOLD_FEATURES.into_iter().enumerate().map(|(place, feature)| {
            let moved = settled.split_last().and_then(|((_, last), before)| {
                let mut reference = Histogram::default();
                before.iter().for_each(|(_, day)| reference.merge(&day.features[place]));
                psi(&reference, &last.features[place])
            });
            (feature, moved)
        });
        let drift = drift.collect();
        let days = settled.into_iter().map(|(day, sums)| (day * DAY_MS, sums.clone())).collect();
        Report { days, drift, passed_over: of_site.passed_over }
    }

    fn of(&self, site: SiteIndex) -> MutexGuard<'_, OfSite> {
        self.sites[usize::from(site.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfSite {
    /// Judges the sessions that ended without an order. Once a minute: it looks at all.
    fn sweep(&mut self, now: u64) {
        const PACE_MS: u64 = 60_000;
        if now < self.swept_at.saturating_add(PACE_MS) {
            return;
        }
        self.swept_at = now;
        self.judged.retain(|_, over_at| *over_at >= now);
        let over: HashSet<Pseudonym> =
            self.waiting.iter().filter(|(_, waiting)| waiting.over_at < now).map(|(who, _)| *who).collect();
        for pseudonym in over {
            if let Some(waiting) = self.waiting.remove(&pseudonym) {
                self.judge(waiting, false);
            }
        }
    }

    fn judge(&mut self, waiting: Waiting, bought: bool) {
        let day = self.day(waiting.day);
        day.champion.add(waiting.champion, bought);
        if let Some(score) = waiting.challenger {
            day.challenger.add(score, bought);
        }
    }

    fn day(&mut self, number: u64) -> &mut Day {
        while self.days.len() >= DAYS && !self.days.contains_key(&number) {
            self.days.pop_first();
        }
        self.days.entry(number).or_default()
    }
}

#[cfg(test)]
mod tests;
