//! What the keys are called in their store.

use waver_schema::SiteKey;
use waver_store::{KeyError, KeyName, Pseudonym};

use super::{EpochNumber, Vault};

/// A key of the keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// `epoch/SITE/NUMBER`: the secret of an epoch.
    Secret(SiteKey, EpochNumber),
    /// `seal/SITE/NUMBER`, `letters/SITE/NUMBER`, `visits/SITE/NUMBER`: an epoch's half of what is sealed.
    Seal(Vault, SiteKey, EpochNumber),
    /// `visitors/SITE/SECOND`: the secret of the pseudonyms of visitors, and when it was made.
    Visitors(SiteKey, EpochNumber),
    /// `s/SITE/`, `l/SITE/` or `v/SITE/`, four bytes of the epoch's number and the pseudonym: a session's half.
    Session(Vault, SiteKey, EpochNumber, Pseudonym),
}

impl Name {
    /// # Errors
    /// [`KeyError::Name`], which no name is long enough for.
    pub(super) fn to_key_name(&self) -> Result<KeyName, KeyError> {
        match self {
            Name::Secret(site, number) => KeyName::new(format!("epoch/{}/{number}", site.as_str()).as_bytes()),
            Name::Seal(vault, site, number) => {
                let vault = match vault {
                    Vault::Behaviour => "seal",
                    Vault::Letters => "letters",
                    Vault::Visitors => "visits",
                };
                KeyName::new(format!("{vault}/{}/{number}", site.as_str()).as_bytes())
            }
            Name::Visitors(site, number) => KeyName::new(format!("visitors/{}/{number}", site.as_str()).as_bytes()),
            Name::Session(vault, site, number, pseudonym) => {
                let vault = match vault {
                    Vault::Behaviour => b"s/",
                    Vault::Letters => b"l/",
                    Vault::Visitors => b"v/",
                };
                let parts = [vault, site.as_str().as_bytes(), b"/", &number.to_be_bytes(), pseudonym.as_bytes()];
                KeyName::new(&parts.concat())
            }
        }
    }

    /// `None` for a key that is somebody else's.
    pub(super) fn parse(name: &KeyName) -> Option<Name> {
        let mut parts = name.as_bytes().splitn(3, |byte| *byte == b'/');
        let kind = parts.next()?;
        let site = SiteKey::parse(std::str::from_utf8(parts.next()?).ok()?).ok()?;
        let rest = parts.next()?;
        let number = || std::str::from_utf8(rest).ok()?.parse().ok();
        let session = |vault| {
            let (number, pseudonym) = rest.split_first_chunk::<4>()?;
            let pseudonym = Pseudonym::from_bytes(pseudonym.try_into().ok()?);
            Some(Name::Session(vault, site.clone(), EpochNumber::from_be_bytes(*number), pseudonym))
        };
        match kind {
            b"epoch" => Some(Name::Secret(site, number()?)),
            b"seal" => Some(Name::Seal(Vault::Behaviour, site, number()?)),
            b"letters" => Some(Name::Seal(Vault::Letters, site, number()?)),
            b"visits" => Some(Name::Seal(Vault::Visitors, site, number()?)),
            b"visitors" => Some(Name::Visitors(site, number()?)),
            b"s" => session(Vault::Behaviour),
            b"l" => session(Vault::Letters),
            b"v" => session(Vault::Visitors),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_others_are_left_alone() {
        // As long as a site's key may be, and bytes that separate elsewhere.
        for site in ["a", "a-site-with-a-name-of-32-letters"] {
            let site = SiteKey::parse(site).expect("valid");
            let pseudonym = Pseudonym::from_bytes(*b"//16 bytes long/");
            let mut names = vec![Name::Secret(site.clone(), 0), Name::Secret(site.clone(), u32::MAX)];
            names.push(Name::Visitors(site.clone(), 7));
            for vault in Vault::ALL {
                names.push(Name::Seal(vault, site.clone(), 1_800_000_000));
                names.push(Name::Session(vault, site.clone(), u32::from_be_bytes(*b"/s//"), pseudonym));
            }
            for name in names {
                assert_eq!(Name::parse(&name.to_key_name().expect("short enough")), Some(name));
            }
        }
        for foreign in ["receipts", "epoch", "epoch/demo", "epoch/demo/x", "epoch/Demo/1", "s/demo/short", "x/demo/1"] {
            assert_eq!(Name::parse(&KeyName::new(foreign.as_bytes()).expect("short")), None, "{foreign}");
        }
    }
}
