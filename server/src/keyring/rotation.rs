//! Epochs begin and end, and their keys with them.
//!
//! Every step may be cut off by a crash: what is to be made is made before anything uses it, what is to be destroyed is destroyed at the
//! next turn, and each start takes one before it serves.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use waver_schema::SiteKey;
use waver_store::{KeyError, KeyName, SecretKey};

use super::names::Name;
use super::{Epoch, EpochNumber, Keyring, OfSite, Vault};

/// What a turn did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Epochs that began.
    pub(crate) begun: usize,
    /// Keys that were destroyed, those of sessions included.
    pub(crate) destroyed: usize,
}

impl Keyring {
    /// Begins the next epoch of each site whose time has come, and destroys every key whose time is over. What is destroyed is off the disk
    /// when this returns.
    ///
    /// # Errors
    /// [`KeyError`]. What was not done is done at the next turn.
    pub(crate) async fn rotate(&self) -> Result<Turn, KeyError> {
        self.turn(false).await
    }

    /// The first turn after a start also finds what a crash left of the ones before.
    pub(super) async fn turn(&self, is_first: bool) -> Result<Turn, KeyError> {
        let now = self.host.now();
        let begun = self.begin_epochs(now).await?;
        let destroyed = self.end_epochs(now, is_first).await?;
        self.rotated.fetch_add(begun as u64, Ordering::Relaxed);
        Ok(Turn { begun, destroyed })
    }

    async fn begin_epochs(&self, now: u64) -> Result<usize, KeyError> {
        let mut wanted: Vec<Name> = Vec::new();
        let mut begun = 0;
        for (site, of_site) in &*self.read() {
            let current = of_site.epochs.iter().rev().find(|(_, epoch)| epoch.secret.is_some());
            let number = match current {
                // Of an epoch whose beginning a crash cut short some keys may be missing; nothing was sealed under those.
                Some((number, epoch)) if now < began(*number).saturating_add(self.lives.epoch) => {
                    if self.lives.vaults(site).all(|vault| epoch.seals.of(vault).is_some()) {
                        None
                    } else {
                        Some(*number)
                    }
                }
                _ => {
                    begun += 1;
                    let second = EpochNumber::try_from(now / 1000).unwrap_or(EpochNumber::MAX);
                    let last = of_site.epochs.last_key_value().map_or(0, |(number, _)| *number);
                    Some(second.max(last.saturating_add(1)))
                }
            };
            if let Some(number) = number {
                wanted.extend(self.lives.vaults(site).map(|vault| Name::Seal(vault, site.clone(), number)));
                wanted.push(Name::Secret(site.clone(), number));
            }
            wanted.extend(self.wanted_of_visitors(site, of_site, now));
        }
        if wanted.is_empty() {
            return Ok(0);
        }
        let fresh = || SecretKey::from_bytes(self.host.random());
        let named = wanted.iter().map(|name| Ok((name.to_key_name()?, fresh())));
        let made = self.store.get_or_create_all(named.collect::<Result<_, KeyError>>()?).await?;
        let mut held = self.write();
        for (name, key) in wanted.into_iter().zip(made) {
            match name {
                Name::Secret(site, number) => epoch(&mut held, site, number).secret = Some(key),
                Name::Seal(vault, site, number) => *epoch(&mut held, site, number).seals.of_mut(vault) = Some(key),
                Name::Visitors(site, number) => held.entry(site).or_default().visitors = Some((number, key)),
                Name::Session(..) => {}
            }
        }
        Ok(begun)
    }

    async fn end_epochs(&self, now: u64, is_first: bool) -> Result<usize, KeyError> {
        let over = self.due(now, is_first)?;
        if over.is_empty() {
            return Ok(0);
        }
        let destroyed = self.store.destroy_all(over.iter().map(|(_, name)| name.clone()).collect()).await?;
        let mut held = self.write();
        for (name, _) in over {
            match name {
                Name::Secret(site, number) => epoch(&mut held, site, number).secret = None,
                Name::Seal(vault, site, number) => *epoch(&mut held, site, number).seals.of_mut(vault) = None,
                Name::Visitors(site, number) => {
                    let of_site = held.entry(site).or_default();
                    of_site.visitors.take_if(|(made, _)| *made == number);
                }
                Name::Session(vault, site, _, pseudonym) => {
                    held.get_mut(&site).map(|of_site| of_site.sessions.of_mut(vault).remove(&pseudonym));
                }
            }
        }
        for of_site in held.values_mut() {
            of_site.epochs.retain(|_, epoch| epoch.secret.is_some() || epoch.seals.0.iter().any(Option::is_some));
        }
        Ok(destroyed)
    }

    /// Every key whose time is over at `now`. A session's half goes with the epoch's: alone it opens nothing.
    fn due(&self, now: u64, is_first: bool) -> Result<Vec<(Name, KeyName)>, KeyError> {
        let mut over = Vec::new();
        for (site, of_site) in &*self.read() {
            let is_over = |number: EpochNumber, life: u64| now >= began(number).saturating_add(life);
            for (number, epoch) in &of_site.epochs {
                if epoch.secret.is_some() && is_over(*number, self.lives.secret()) {
                    over.push(Name::Secret(site.clone(), *number));
                }
                let seals = Vault::ALL.into_iter().filter(|vault| epoch.seals.of(*vault).is_some());
                let seals = seals.filter(|vault| is_over(*number, self.lives.of_vault(*vault, site)));
                over.extend(seals.map(|vault| Name::Seal(vault, site.clone(), *number)));
            }
            // There are many, and none is over before its epoch is.
            if is_first || over.iter().any(|name| matches!(name, Name::Seal(..))) {
                over.extend(
                    of_site.sessions_over(site, |vault, number| is_over(number, self.lives.of_vault(vault, site))),
                );
            }
            over.extend(self.over_of_visitors(site, of_site, now));
        }
        over.into_iter().map(|name| Ok((name.clone(), name.to_key_name()?))).collect()
    }
}

impl OfSite {
    fn sessions_over(&self, site: &SiteKey, is_over: impl Fn(Vault, EpochNumber) -> bool) -> Vec<Name> {
        let mut over = Vec::new();
        for vault in Vault::ALL {
            // Few epochs, many sessions.
            let mut known: BTreeMap<EpochNumber, bool> = BTreeMap::new();
            for (pseudonym, (number, _)) in self.sessions.of(vault) {
                if *known.entry(*number).or_insert_with(|| is_over(vault, *number)) {
                    over.push(Name::Session(vault, site.clone(), *number, *pseudonym));
                }
            }
        }
        over
    }
}

/// When an epoch began, Unix milliseconds.
const fn began(number: EpochNumber) -> u64 {
    number as u64 * 1000
}

fn epoch(held: &mut std::collections::HashMap<SiteKey, OfSite>, site: SiteKey, number: EpochNumber) -> &mut Epoch {
    held.entry(site).or_default().epochs.entry(number).or_default()
}
