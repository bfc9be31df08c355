//! What the models would have said, and how right they are. Nothing here decides anything.
//!
//! The *champion* is the model in the browser, whose score comes with the events. A *challenger* is an artifact of the configuration that the
//! collector scores in its shadow, on what it knows of the same sessions at the same moment: each session once, as soon as it has
//! [`forecasts::VIEWS`] page views, so that how long a session went on does not choose when it is judged. Whether it bought is known at its
//! end. Of each day both models have a table of [calibration], and each feature a histogram, by which days are compared ([drift]).
//!
//! This is kept in memory alone and begins anew with the process: it holds sums by the day, and of sessions under way a few numbers
//! under their pseudonyms, which go with an erasure.

mod calibration;
mod drift;
mod forecasts;
mod metrics;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use waver_core::model::Model;
use waver_core::session::{SessionState, TOLD_FEATURES};
use waver_schema::{Feature, limits};
use waver_store::Pseudonym;

use crate::artifact::{Artifact, ArtifactError};
use crate::site::SiteIndex;
use crate::state::GRACE_MS;

pub(crate) use calibration::{Bin, Calibration};
pub(crate) use drift::psi;
pub(crate) use forecasts::{Forecasts, Told};
pub(crate) use metrics::Met;

use drift::Histogram;

/// Days that are kept.
const DAYS: usize = 30;
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Sessions of a day have ended so long after it.
const SETTLED_MS: u64 = limits::SESSION_MAX_MS + GRACE_MS;
/// What a challenger has to estimate.
const TASK: &str = "p_buy";
/// Where the champion's own score stands among [`TOLD_FEATURES`].
const P_BUY: usize = TOLD_FEATURES.len() - 1;
const _: () = assert!(matches!(TOLD_FEATURES[P_BUY], Feature::PBuy));

/// A challenger, and which of the features it wants in which order.
#[derive(Debug)]
struct Challenger {
    model: Model,
    features: Vec<Feature>,
}

impl Challenger {
    fn load(path: &Path) -> Result<Challenger, ArtifactError> {
        let model = Artifact::load(path)?.model;
        Challenger::new(model).map_err(|reason| ArtifactError::Unusable(path.to_owned(), reason))
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
    fn score(&self, told: &Told) -> f64 {
        let value =
            |feature: &Feature| TOLD_FEATURES.iter().position(|known| known == feature).map(|place| told[place]);
        let values: Vec<f64> = self.features.iter().filter_map(value).collect();
        self.model.score(&values)
    }
}

/// What was said of a session that has not ended.
#[derive(Debug, Clone, Copy)]
struct Scores {
    day: u64,
    champion: f64,
    challenger: Option<f64>,
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
    forecasts: Forecasts<Scores>,
    days: BTreeMap<u64, Day>,
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
    /// [`ArtifactError`].
    pub(crate) fn new(sites: usize, path: Option<&Path>) -> Result<Shadow, ArtifactError> {
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
        let OfSite { forecasts, days } = &mut *of_site;
        let bought = forecasts.see(pseudonym, session, |told| {
            let day = of_day(days, now / DAY_MS);
            for ((feature, histogram), value) in TOLD_FEATURES.into_iter().zip(&mut day.features).zip(told) {
                histogram.add(feature, value);
            }
            let challenger = self.challenger.as_ref().map(|challenger| challenger.score(&told));
            Scores { day: now / DAY_MS, champion: told[P_BUY], challenger }
        });
        if let Some(scores) = bought {
            judge(days, scores, true);
        }
    }

    /// Forgets sessions that are erased. What they added to the sums of a day stays, as one among others.
    pub(crate) fn forget(&self, site: SiteIndex, pseudonyms: impl Iterator<Item = Pseudonym>) {
        let mut of_site = self.of(site);
        for pseudonym in pseudonyms {
            of_site.forecasts.forget(pseudonym);
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
        Report { days, drift, passed_over: of_site.forecasts.passed_over() }
    }

    fn of(&self, site: SiteIndex) -> MutexGuard<'_, OfSite> {
        self.sites[usize::from(site.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfSite {
    /// Judges the sessions that ended without an order.
    fn sweep(&mut self, now: u64) {
        for scores in self.forecasts.ended(now) {
            judge(&mut self.days, scores, false);
        }
    }
}

fn judge(days: &mut BTreeMap<u64, Day>, scores: Scores, bought: bool) {
    let day = of_day(days, scores.day);
    day.champion.add(scores.champion, bought);
    if let Some(score) = scores.challenger {
        day.challenger.add(score, bought);
    }
}

fn of_day(days: &mut BTreeMap<u64, Day>, number: u64) -> &mut Day {
    while days.len() >= DAYS && !days.contains_key(&number) {
        days.pop_first();
    }
    days.entry(number).or_default()
}

#[cfg(test)]
mod tests;
