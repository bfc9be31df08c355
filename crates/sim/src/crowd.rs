//! Many shoppers: they come by chance, each by itself, and there are never more of them than the shop holds.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use waver_schema::SiteKey;

use crate::Stop;
use crate::shopper::{Dice, Recorded, Stream};
use crate::visit::{Count, Refused, Shopper, Tally, Transport, World, visit};

/// Shoppers who stand before the door when it opens, so that the shop is not empty at first.
const FIRST_COMERS: u64 = 12;
/// How fast they come in, per second, unless shoppers come faster anyway.
const FIRST_COMERS_PER_S: f64 = 2.0;

/// Who comes, and how many.
#[derive(Debug, Clone)]
pub struct Options {
    /// The site they shop at.
    pub site: SiteKey,
    /// Everything random follows from it.
    pub seed: u64,
    /// Names the sessions of this run apart from those of another run of the same seed.
    pub run: u64,
    /// Shoppers who come per minute on average, above 0.
    pub per_minute: f64,
    /// After so many no more come.
    pub sessions: Option<u64>,
    /// The most shoppers at one time.
    pub concurrent: usize,
    /// How many times as fast as people they live, above 0.
    pub speed: f64,
    /// Recorded sessions that some follow; may be empty.
    pub recorded: Arc<[Recorded]>,
}

/// Lets shoppers come and go until `options.sessions` have been, or until `stop` says so; then those who are there deliver what they have
/// and leave.
///
/// # Errors
/// [`Refused`] if the collector does not take this site's shoppers at all.
pub async fn run<T: Transport + 'static>(
    options: Options,
    transport: T,
    tally: Arc<Tally>,
    mut stop: Stop,
) -> Result<(), Refused> {
    let world = Arc::new(World::new(transport, options.site.clone(), tally.clone(), options.speed, options.run));
    let mut arrivals = Dice::new(options.seed, 0, Stream::Arrivals);
    let mut present: JoinSet<Result<(), Refused>> = JoinSet::new();
    let mut next_at = Instant::now();
    let mut index = 0;
    while options.sessions.is_none_or(|sessions| index < sessions) {
        tokio::select! {
            () = sleep_until(next_at) => {}
            Some(gone) = present.join_next() => {
                outcome(gone)?;
                continue;
            }
            () = stop.told() => break,
        }
        if present.len() < options.concurrent {
            let shopper = Shopper::new(options.seed, index, &options.recorded);
            let (world, stop) = (world.clone(), stop.clone());
            present.spawn(async move { visit(&world, shopper, stop).await });
        } else {
            tally.add(Count::TurnedAway, 1);
        }
        index += 1;
        let usual = options.per_minute / 60.0;
        let per_second = if index < FIRST_COMERS { FIRST_COMERS_PER_S.max(usual) } else { usual };
        next_at += Duration::from_secs_f64(arrivals.gap_s(per_second));
    }
    while let Some(gone) = present.join_next().await {
        outcome(gone)?;
    }
    Ok(())
}

/// What a shopper's end means to the crowd. A bug in one shopper is a bug, not bad luck.
fn outcome(gone: Result<Result<(), Refused>, JoinError>) -> Result<(), Refused> {
    match gone {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Ok(()),
        },
    }
}
