use std::path::Path;

use serde::{Deserialize, Serialize};
use waver_core::model::Model;
use waver_core::path::{NAMES, Reach};

use super::reaches::Samples;
use super::trial::{Sample, thin};
use crate::TrainError;
use crate::rows::Rows;
use crate::table::stands;

/// A pause longer than this, milliseconds, is not active.
const ACTIVE_MS: u64 = 1_000;
/// A session whose samples lie closer than this, milliseconds, was sampled each frame.
const FAST_MS: u64 = 50;
/// What such a session is thinned to, to compare.
const SLOW_MS: u64 = 110;

/// What the columns of recorded work mean: every event of a pointer, of people who did whatever they did.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Columns of the samples; `trial` is the session.
    pub samples: Samples,
    /// The column that says what happened.
    pub state: String,
    /// What stands there when the pointer moved.
    pub moves: Vec<String>,
    /// What stands there when a button went down, which ends a reach. All else ends it too, and is no reach.
    pub presses: Vec<String>,
}

/// What a model says of ordinary work, where nobody knows of a change of mind: false alarms at most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkReport {
    /// Sessions.
    pub sessions: usize,
    /// Reaches that ended with a click.
    pub reaches: usize,
    /// How many of them are reaches to judge.
    pub judged: usize,
    /// Minutes without the pauses of more than a second.
    pub active_minutes: f64,
    /// At each threshold of the model.
    pub thresholds: Vec<Alarms>,
}

/// Alarms at a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarms {
    /// Name of the threshold.
    pub name: String,
    /// The threshold.
    pub threshold: f64,
    /// Reaches that come to it.
    pub alarms: usize,
    /// The same for each active minute.
    pub per_active_minute: f64,
    /// Share of the reaches.
    pub share: f64,
    /// The same in sessions that were sampled each frame, in these thinned to 110 ms, and in all others; none where there is no such session.
    pub share_fast: Option<f64>,
    /// See `share_fast`.
    pub share_fast_thinned: Option<f64>,
    /// See `share_fast`.
    pub share_slow: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    Moves,
    Presses,
    Else,
}

/// A session's events in order.
#[derive(Debug, Default)]
struct Session {
    events: Vec<(Sample, Doing)>,
}

impl Session {
    fn active_ms(&self) -> u64 {
        let pauses = self.events.windows(2).map(|pair| pair[1].0.0.saturating_sub(pair[0].0.0));
        pauses.filter(|pause| *pause <= ACTIVE_MS).sum()
    }

    fn fast(&self) -> bool {
        let mut pauses: Vec<u64> = self.events.windows(2).map(|pair| pair[1].0.0.saturating_sub(pair[0].0.0)).collect();
        pauses.sort_unstable();
        pauses.get(pauses.len() / 2).is_some_and(|pause| *pause < FAST_MS)
    }

    /// The same, with its movements thinned.
    fn thinned(&self) -> Session {
        let mut events = Vec::new();
        for doing in self.events.chunk_by(|a, b| a.1 == b.1) {
            if doing[0].1 == Doing::Moves {
                let samples: Vec<Sample> = doing.iter().map(|(sample, _)| *sample).collect();
                let phase = samples[0].0 % SLOW_MS;
                events.extend(thin(&samples, SLOW_MS, phase).into_iter().map(|sample| (sample, Doing::Moves)));
            } else {
                events.extend_from_slice(doing);
            }
        }
        Session { events }
    }

    /// Score of each reach that ended with a click; `None` if it is not one to judge.
    fn scores(&self, model: &Model) -> Vec<Option<f64>> {
        let (mut reach, mut scores) = (Reach::default(), Vec::new());
        for &((t, x, y), doing) in &self.events {
            if doing == Doing::Presses
                && let Some(shape) = reach.shape(t)
            {
                scores.push(shape.reach.then(|| model.score(&shape.values)));
            }
            match doing {
                Doing::Moves => reach.moved(t, x, y),
                _ => reach.end(),
            }
        }
        scores
    }
}

impl Work {
    fn read(&self, file: &Path) -> Result<Vec<Session>, TrainError> {
        let mut rows = Rows::open(file)?;
        let columns = self.samples.columns(&rows)?;
        let state = rows.column(&self.state)?;
        let mut sessions: Vec<Session> = Vec::new();
        let mut current = None;
        while rows.advance()? {
            let sample = self.samples.sample(&rows, columns)?;
            let told = rows.text(state);
            let doing = match (stands(told, &self.moves), stands(told, &self.presses)) {
                (true, _) => Doing::Moves,
                (_, true) => Doing::Presses,
                _ => Doing::Else,
            };
            if current.as_deref() != Some(rows.text(columns[0])) {
                current = Some(rows.text(columns[0]).to_owned());
                sessions.push(Session::default());
            }
            if let Some(session) = sessions.last_mut() {
                session.events.push((sample, doing));
            }
        }
        Ok(sessions)
    }

    /// Judges a model on the work in a file.
    ///
    /// # Errors
    /// [`TrainError::Model`] when its features are not those of a reach; [`TrainError::File`], [`TrainError::Data`], [`TrainError::TooLittle`].
    pub fn evaluate(&self, file: &Path, model: &Model) -> Result<WorkReport, TrainError> {
        if model.parts().features != NAMES {
            return Err(TrainError::Model("its features are not those of a reach".to_owned()));
        }
        let sessions = self.read(file)?;
        let active_minutes = sessions.iter().map(Session::active_ms).sum::<u64>() as f64 / 60_000.0;
        let (fast, slow): (Vec<&Session>, Vec<&Session>) = sessions.iter().partition(|session| session.fast());
        let of = |sessions: &[&Session]| -> Vec<Option<f64>> {
            sessions.iter().flat_map(|session| session.scores(model)).collect()
        };
        let thinned: Vec<Session> = fast.iter().map(|session| session.thinned()).collect();
        let [fast, slow, thinned] = [of(&fast), of(&slow), of(&thinned.iter().collect::<Vec<_>>())];
        let reaches = fast.len() + slow.len();
        if reaches == 0 {
            return Err(TrainError::TooLittle(format!("no reach in {}", file.display())));
        }
        let thresholds = model.parts().thresholds.iter().map(|(name, threshold)| {
            let threshold = f64::from(*threshold);
            let count = |scores: &[Option<f64>]| scores.iter().flatten().filter(|score| **score >= threshold).count();
            let share =
                |scores: &[Option<f64>]| (!scores.is_empty()).then(|| count(scores) as f64 / scores.len() as f64);
            let alarms = count(&fast) + count(&slow);
            Alarms {
                name: name.clone(),
                threshold,
                alarms,
                per_active_minute: alarms as f64 / active_minutes,
                share: alarms as f64 / reaches as f64,
                share_fast: share(&fast),
                share_fast_thinned: share(&thinned),
                share_slow: share(&slow),
            }
        });
        Ok(WorkReport {
            sessions: sessions.len(),
            reaches,
            judged: fast.iter().chain(&slow).flatten().count(),
            active_minutes,
            thresholds: thresholds.collect(),
        })
    }
}
