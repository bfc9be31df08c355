//! The shop's own names, which might hold anything, become keyed hashes before anybody else sees them.

use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;
use waver_schema::{ShopRef, SiteKey};
use waver_store::SecretKey;

/// Most characters of such a name.
pub(crate) const NAME_CHARS: usize = 128;

/// The shop's own name for something, 1 to 128 characters. It is never printed and never kept.
#[derive(Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128)]
pub(crate) struct ShopName(String);

impl ShopName {
    /// `None` for a text that is empty or too long.
    pub(crate) fn parse(text: &str) -> Option<ShopName> {
        (1..=NAME_CHARS).contains(&text.chars().count()).then(|| ShopName(text.to_owned()))
    }

    /// The name itself, for what browsers hash too.
    pub(crate) fn label(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ShopName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ShopName, D::Error> {
        let text = String::deserialize(deserializer)?;
        // What was sent stays out of the message.
        ShopName::parse(&text).ok_or_else(|| de::Error::custom("expected 1 to 128 characters"))
    }
}

impl std::fmt::Debug for ShopName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShopName(..)")
    }
}

/// What is named. The same name means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Named {
    Cart = 1,
    Order = 2,
    Refund = 3,
    /// A request, by its `Idempotency-Key`.
    Request = 4,
}

/// The hash of `name`. It says nothing without the key, and nothing of another site's names.
pub(crate) fn shop_ref(key: &SecretKey, site: &SiteKey, named: Named, name: &ShopName) -> ShopRef {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    // No site key holds a zero.
    hasher.update(&[named as u8]).update(site.as_str().as_bytes()).update(&[0]).update(name.0.as_bytes());
    let mut hash = [0; 16];
    hasher.finalize_xof().fill(&mut hash);
    ShopRef::from_bytes(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_their_hashes_are_apart() {
        assert_eq!((ShopName::parse(""), ShopName::parse(&"ä".repeat(129))), (None, None));
        let name = ShopName::parse(&"ä".repeat(128)).expect("fits");
        assert_eq!(format!("{name:?}"), "ShopName(..)");
        let (key, other) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
        let site = |key: &str| SiteKey::parse(key).expect("valid");
        let hash = |key, named, of: &str| shop_ref(key, &site(of), named, &name);
        let hashes = [
            hash(&key, Named::Cart, "demo"),
            hash(&other, Named::Cart, "demo"),
            hash(&key, Named::Order, "demo"),
            hash(&key, Named::Cart, "demo2"),
        ];
        assert!(hashes.iter().enumerate().all(|(at, hash)| !hashes[..at].contains(hash)), "{hashes:?}");
        assert_eq!(hash(&key, Named::Cart, "demo"), hashes[0]);
    }
}
