//! `waver backtest POLICY`: what another policy would have been worth, by the log of the one that was in force.
//!
//! The log is replayed as `waver replay` does it. At each decision both policies say what they might have come to, by the same facts: those of the
//! session, and those that were logged with the decision (catalogue, budgets, what was learned). A session is judged from the first decision on at
//! which the two differ; what it bought after that is what came of it. It weighs as much likelier as the policy in question would have made everything
//! that it was shown ([`trajectory`]); [`waver_trainer::offpolicy`] makes estimates of that, or refuses to.

mod sessions;
mod trajectory;

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use waver_policy::Policy;
use waver_schema::{Currency, OfferId, SiteKey, SlotName};
use waver_trainer::offpolicy::rewards::{FOLDS, Table, cross_fitted};
use waver_trainer::offpolicy::{Estimates, Step, estimate};

use crate::collector::{StartError, Stores, bring_up, catch_up, open_keyring};
use crate::committer::Replayed;
use crate::config::Config;
use crate::host::Host;
use crate::policy_archive::PolicyArchive;
use crate::replay;
use crate::site::Sites;
use sessions::{Bought, Seen, Sessions};

/// Rows that the mean weighs as in a cell of expected rewards.
const PRIOR_ROWS: f64 = 10.0;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The policy in question.
    pub(crate) policy: &'a Policy,
    /// Whose log it is; the first site that is configured, if none is named.
    pub(crate) site: Option<&'a SiteKey>,
    /// Decisions of this time, Unix milliseconds.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Whether sessions that are not over count with what they have bought so far.
    pub(crate) with_open: bool,
    /// What everything random follows from.
    pub(crate) seed: u64,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Backtested {
    pub(crate) site: String,
    /// Version of the policy in question.
    pub(crate) policy: String,
    /// Records of the log that were replayed.
    pub(crate) records: u64,
    /// Sessions with a decision at which either policy may show something.
    pub(crate) sessions: u64,
    /// Those among them for which both policies would have done the same.
    pub(crate) same: u64,
    /// Those that are not over yet, so that nobody knows what comes of them.
    pub(crate) open: u64,
    /// Those that cannot be judged: a policy that was not kept, too many decisions, or something shown that its policy does not show.
    pub(crate) unreadable: u64,
    /// Those that are judged.
    pub(crate) judged: u64,
    /// Whether a session buys after the policies differ; `None` if they never do.
    pub(crate) conversion: Option<Estimates>,
    /// What a session spends after that, in minor units, by currency.
    pub(crate) revenue: BTreeMap<Currency, Estimates>,
    /// Milliseconds that all of it took.
    pub(crate) millis: u64,
}

impl Backtested {
    /// Whether there was a question and no answer.
    pub(crate) fn is_refused(&self) -> bool {
        self.conversion.as_ref().is_some_and(|found| found.estimates.is_none())
    }
}

/// Estimates what the policy would have been worth by the log of the data folder of `config`, which no collector may have open; `None` if there is no
/// such site. `say` hears of offsets of the log: how far it is, and the end.
///
/// # Errors
/// [`StartError`] if the folder cannot be read.
pub(crate) async fn backtest(
    config: &Config,
    asked: &Asked<'_>,
    mut say: impl FnMut(u64, u64),
) -> Result<Option<Backtested>, StartError> {
    let begun = Instant::now();
    let (sites, _) = Sites::load(&config.sites)?;
    let of = match asked.site {
        Some(key) => sites.find(key),
        None => sites.iter().next().map(|(site, _)| site),
    };
    let Some(of) = of else { return Ok(None) };
    let stores = Stores::open(config)?;
    let keyring = open_keyring(config, &sites, Host::system()).await?;
    let now = bring_up(&stores.log, &stores.snapshots, &sites, &keyring).await?;
    let (base, _) = replay::base(config, &stores, &sites, &keyring, &now, asked.from).await?;
    let archive = PolicyArchive::of(&config.server.data_dir);
    let mut sessions = Sessions::new(asked.policy, &archive, (asked.from, asked.to));
    let (mut records, end) = (0, now.applied());
    catch_up(&stores.log, &base, &sites, &keyring, &mut |replayed: &Replayed<'_>| {
        records += 1;
        if records % 100_000 == 0 {
            say(replayed.offset, end);
        }
        if replayed.from.site == of {
            sessions.see(replayed);
        }
    })
    .await?;
    let seen = sessions.end(&base, of, asked.with_open)?;
    let judged: Vec<&Seen> = seen.judged.iter().collect();
    let of_reward = |reward: &dyn Fn(&Bought) -> f64| {
        let rewards: Vec<f64> = judged.iter().map(|seen| reward(&seen.bought)).collect();
        estimate(&steps(&judged, &rewards), asked.seed)
    };
    let is_asked = !judged.is_empty();
    let mut currencies: Vec<Currency> = judged.iter().flat_map(|seen| seen.bought.minor.keys().copied()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let spent = |currency: Currency| {
        of_reward(&move |bought: &Bought| bought.minor.get(&currency).map_or(0.0, |minor| *minor as f64))
    };
    Ok(Some(Backtested {
        site: sites.get(of).key.as_str().to_owned(),
        policy: asked.policy.version().to_owned(),
        records,
        sessions: seen.same + seen.open + seen.unreadable + judged.len() as u64,
        same: seen.same,
        open: seen.open,
        unreadable: seen.unreadable,
        judged: judged.len() as u64,
        conversion: is_asked.then(|| of_reward(&|bought| f64::from(u8::from(bought.orders > 0)))),
        revenue: currencies.into_iter().map(|currency| (currency, spent(currency))).collect(),
        millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

/// Where the policies first differ, and what is shown there: what is expected of a session depends on no more.
type Cell = (SlotName, Option<OfferId>);

fn steps(judged: &[&Seen], rewards: &[f64]) -> Vec<Step> {
    let cell = |seen: &Seen, shown: Option<&OfferId>| -> Cell { (seen.slot.clone(), shown.cloned()) };
    let rows: Vec<(Cell, f64)> =
        judged.iter().zip(rewards).map(|(seen, reward)| (cell(seen, seen.first.shown.as_ref()), *reward)).collect();
    let tables: Vec<Table<Cell>> = cross_fitted(&rows, PRIOR_ROWS);
    let step = |(number, (seen, (own, reward))): (usize, (&&Seen, &(Cell, f64)))| {
        let table = &tables[number % FOLDS];
        let of_policy = seen.first.asked().map(|(shown, probability)| probability * table.expected(&cell(seen, shown)));
        Step {
            weight: seen.weight,
            reward: *reward,
            expected: table.expected(own),
            expected_of_policy: of_policy.sum(),
            untried: seen.untried,
        }
    };
    judged.iter().zip(&rows).enumerate().map(step).collect()
}
