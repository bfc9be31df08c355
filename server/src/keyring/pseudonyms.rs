//! Who a session is: by epoch, and by what was granted.
//!
//! Under each granted set of purposes a session id has another pseudonym, and in each epoch others again. So what is known under one
//! grant cannot be joined with what is known under another, nor two days of one browser, without the secret of an epoch, which is
//! destroyed within a day. A browser takes a new id whenever what is granted changes, so that the set is part of who a session is.

use waver_core::consent::Purpose;
use waver_schema::{ConsentChoice, SessionId, SiteKey};
use waver_store::{Pseudonym, SecretKey};

use super::{EpochNumber, Keyring};

/// What was granted, of the purposes that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PurposeSet {
    /// To measure and to personalise.
    Both,
    /// To measure.
    Measure,
    /// To personalise.
    Personalize,
}

impl PurposeSet {
    pub(crate) const ALL: [PurposeSet; 3] = [PurposeSet::Both, PurposeSet::Measure, PurposeSet::Personalize];

    /// The set that these choices grant; `None` if they grant nothing.
    pub(crate) fn granted(measure: ConsentChoice, personalize: ConsentChoice) -> Option<PurposeSet> {
        match (measure == ConsentChoice::Granted, personalize == ConsentChoice::Granted) {
            (true, true) => Some(PurposeSet::Both),
            (true, false) => Some(PurposeSet::Measure),
            (false, true) => Some(PurposeSet::Personalize),
            (false, false) => None,
        }
    }

    /// The sets that hold `purpose`, the usual one first.
    pub(crate) const fn holding(purpose: Purpose) -> [PurposeSet; 2] {
        match purpose {
            Purpose::Measure => [PurposeSet::Both, PurposeSet::Measure],
            Purpose::Personalize => [PurposeSet::Both, PurposeSet::Personalize],
        }
    }

    /// Names the use of a key derived for this set. Fixed: under another text every session would be a stranger.
    const fn context(self) -> &'static str {
        match self {
            PurposeSet::Both => "waver 2026-11-21 pseudonyms of sessions that may be measured and personalised",
            PurposeSet::Measure => "waver 2026-11-21 pseudonyms of sessions that may be measured",
            PurposeSet::Personalize => "waver 2026-11-21 pseudonyms of sessions that may be personalised",
        }
    }
}

/// A pseudonym, and what it is the pseudonym of. What was named by its pseudonym alone is of an epoch and set that it does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    /// The pseudonym.
    pub(crate) pseudonym: Pseudonym,
    /// The epoch from whose secret it follows.
    pub(crate) epoch: Option<EpochNumber>,
    /// The set of purposes under which it is known.
    pub(crate) set: Option<PurposeSet>,
}

impl Keyring {
    /// The epoch in which sessions begin now.
    pub(crate) fn current(&self, site: &SiteKey) -> Option<EpochNumber> {
        let held = self.read();
        let epochs = held.get(site)?.epochs.iter().rev();
        epochs.filter(|(_, epoch)| epoch.secret.is_some()).map(|(number, _)| *number).next()
    }

    /// The pseudonyms that a session id may have under any of `sets`: those of this epoch first, then those of the one before. None for a site
    /// without keys.
    pub(crate) fn pseudonyms(&self, site: &SiteKey, session: &SessionId, sets: &[PurposeSet]) -> Vec<Named> {
        let held = self.read();
        let Some(of_site) = held.get(site) else { return Vec::new() };
        let secrets = of_site.epochs.iter().rev().filter_map(|(number, epoch)| Some((*number, epoch.secret.as_ref()?)));
        let named = |(epoch, secret): (EpochNumber, &SecretKey)| {
            let of_set = |set: PurposeSet| {
                let key = SecretKey::from_bytes(blake3::derive_key(set.context(), secret.as_bytes()));
                let pseudonym = pseudonymize(&key, site, session.as_bytes());
                Named { pseudonym, epoch: Some(epoch), set: Some(set) }
            };
            sets.iter().copied().map(of_set).collect::<Vec<_>>()
        };
        secrets.flat_map(named).collect()
    }
}

/// Keyed BLAKE3 of site and id, cut to 128 bits. Without the key neither the id can be found from it, nor two sites' sessions be compared.
pub(super) fn pseudonymize(key: &SecretKey, site: &SiteKey, id: &[u8; 16]) -> Pseudonym {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(site.as_str().as_bytes());
    hasher.update(&[0]); // no site key holds this byte, so that site and id cannot run into each other
    hasher.update(id);
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    Pseudonym::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_follows_from_key_site_and_id_and_from_all_three() {
        let of = |key: u8, site: &str, id: u8| {
            let site = SiteKey::parse(site).expect("valid");
            pseudonymize(&SecretKey::from_bytes([key; 32]), &site, &[id; 16])
        };
        assert_eq!(of(1, "demo", 1), of(1, "demo", 1));
        assert_ne!(of(1, "demo", 1), of(2, "demo", 1));
        assert_ne!(of(1, "demo", 1), of(1, "other", 1));
        assert_ne!(of(1, "demo", 1), of(1, "demo", 2));
        // Fixed, since a changed formula would lose every session across an update.
        assert_eq!(of(1, "demo", 1).to_string(), "c1e5e3c9fd0837ad1582e5a6b6207e54");
    }

    #[test]
    fn the_set_is_what_the_choices_grant() {
        use ConsentChoice::{Denied, Granted, Unknown};
        assert_eq!(PurposeSet::granted(Granted, Granted), Some(PurposeSet::Both));
        assert_eq!(PurposeSet::granted(Granted, Unknown), Some(PurposeSet::Measure));
        assert_eq!(PurposeSet::granted(Denied, Granted), Some(PurposeSet::Personalize));
        assert_eq!(PurposeSet::granted(Unknown, Denied), None);
    }
}
