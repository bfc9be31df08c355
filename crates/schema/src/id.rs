use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{MAX_SAFE_INTEGER, NAME_CHARS};

/// A text that is not a valid identifier of the type it was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid identifier")
    }
}

/// Deserialises a value from a borrowed or owned text, so that readers without borrowing (JavaScript values) work too.
pub(crate) fn deserialize_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Text<T> {
        expected: &'static str,
        parse: fn(&str) -> Option<T>,
    }
    impl<T> de::Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            // The offending text stays out of the message: it may be what a page should never have sent.
            (self.parse)(text).ok_or_else(|| E::custom(format_args!("expected {}", self.expected)))
        }
    }
    deserializer.deserialize_str(Text { expected, parse })
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal bytes, $pattern:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = $pattern))]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes the bytes as they are; the caller answers for what they are.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads lower-case hexadecimal digits, two for each byte.
            ///
            /// # Errors
            /// [`InvalidId`] for any other text.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let digits = text.as_bytes();
                if digits.len() != 2 * $bytes {
                    return Err(InvalidId);
                }
                let mut bytes = [0_u8; $bytes];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
                }
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                self.0.iter().try_for_each(|byte| {
                    f.write_str(char::from(DIGITS[usize::from(byte >> 4)]).encode_utf8(&mut [0; 4]))?;
                    f.write_str(char::from(DIGITS[usize::from(byte & 15)]).encode_utf8(&mut [0; 4]))
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // Half the size, where nobody reads it.
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return <[u8; $bytes]>::deserialize(deserializer).map(Self);
                }
                deserialize_text(deserializer, $expected, |text| Self::parse(text).ok())
            }
        }
    };
}

fn hex_digit(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId),
    }
}

hex_id! {
    /// The browser's own name for a session: 128 random bits made after the grant. Possession is authority, so it is
    /// never stored by the collector and never printed whole, not even by `Debug`.
    SessionId, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// The browser's own name for itself across sessions, where the shop's site keeps caps across them: 128 random bits, made under a grant to
    /// personalise and renewed when its days are over. Like a session's id it is never stored by the collector and never printed whole.
    VisitorId, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// One decision of the collector.
    DecisionId, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// One grant: 128 random bits of the collector.
    GrantId, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// The shop's own name for an order, a cart, a refund or a request: 128 bits of a keyed hash of it, which is all that is kept.
    ShopRef, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// SHA-256 of a text that itself never travels, such as a consent string.
    TextHash, 32 bytes, "^[0-9a-f]{64}$", "64 lower-case hexadecimal digits"
}

hex_id! {
    /// A version of a policy: the beginning of the hash of its text.
    PolicyVersion, 8 bytes, "^[0-9a-f]{16}$", "16 lower-case hexadecimal digits"
}

hex_id! {
    /// One erasure. It follows from the session's id and a secret of the collector, so that whoever asks again is told the same, and
    /// nobody else can come upon it.
    ErasureId, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// 128 random bits of whoever asks for an erasure, to know its receipt by.
    Nonce, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// The checksum of everything in the log up to some point.
    LogChain, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// The hash of an entry of a consent ledger and of everything before it; zeros before the first.
    LedgerChain, 32 bytes, "^[0-9a-f]{64}$", "64 lower-case hexadecimal digits"
}
hex_id! {
    /// Which key signed: the first 128 bits of the BLAKE3 hash of the public key.
    SigningKeyId, 16 bytes, "^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"
}
hex_id! {
    /// An Ed25519 public key (RFC 8032).
    PublicKey, 32 bytes, "^[0-9a-f]{64}$", "64 lower-case hexadecimal digits"
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

impl fmt::Debug for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorId(..)")
    }
}

macro_rules! debug_whole {
    ($($name:ident)+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )+};
}
debug_whole! { DecisionId ErasureId GrantId PolicyVersion Nonce LogChain LedgerChain SigningKeyId PublicKey ShopRef Signature }

/// An Ed25519 signature (RFC 8032). Only ever written as text.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9a-f]{128}$"))]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes the bytes as they are.
    pub const fn from_bytes(bytes: [u8; 64]) -> Signature {
        Signature(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Reads 128 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`InvalidId`] for any other text.
    pub fn parse(text: &str) -> Result<Signature, InvalidId> {
        let (r, s) = text.split_at_checked(64).ok_or(InvalidId)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(PublicKey::parse(r)?.as_bytes());
        bytes[32..].copy_from_slice(PublicKey::parse(s)?.as_bytes());
        Ok(Signature(bytes))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
        deserialize_text(deserializer, "128 lower-case hexadecimal digits", |text| Signature::parse(text).ok())
    }
}

impl fmt::Debug for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextHash({self})")
    }
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$"))]
        pub struct $name(String);

        impl $name {
            /// Reads 1 to 32 characters out of `a-z`, `0-9`, `-` and `_`, the first of them a letter or digit.
            ///
            /// # Errors
            /// [`InvalidId`] for any other text.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let mut bytes = text.bytes();
                let head = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
                let tail = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_');
                if head && tail && text.len() <= NAME_CHARS { Ok(Self(text.into())) } else { Err(InvalidId) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_text(
                    deserializer,
                    "1 to 32 characters out of a-z, 0-9, '-' and '_'",
                    |text| Self::parse(text).ok(),
                )
            }
        }
    };
}

name_id! {
    /// The public key of a shop's site, the `data-site` of its script tag.
    SiteKey
}
name_id! {
    /// A place on the page where an offer may be shown, the `data-waver-slot` of an element.
    SlotName
}
name_id! {
    /// An offer's name in `offers.toml`.
    OfferId
}

name_id! {
    /// A kind of shopper that is learned of apart, as `offers.toml` names it.
    StratumName
}

impl StratumName {
    /// Whoever is of no stratum that has a name.
    pub fn rest() -> StratumName {
        StratumName("rest".into())
    }
}

name_id! {
    /// The shop's own name for a version of its consent notice, such as `2026-11-01`.
    NoticeVersion
}

/// A version such as `5` or `1.34.0`: one to three numbers, the first of at most four digits and the others of at most three. Too short for an
/// address or a telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[0-9]{1,4}(\\.[0-9]{1,3}){0,2}$"))]
pub struct SourceVersion(String);

impl SourceVersion {
    /// Reads a version.
    ///
    /// # Errors
    /// [`InvalidId`] for any other text.
    pub fn parse(text: &str) -> Result<SourceVersion, InvalidId> {
        let is_number =
            |part: &str, digits| (1..=digits).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let mut parts = text.split('.');
        let first = parts.next().is_some_and(|part| is_number(part, 4));
        if first && parts.clone().count() <= 2 && parts.all(|part| is_number(part, 3)) {
            Ok(SourceVersion(text.into()))
        } else {
            Err(InvalidId)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SourceVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SourceVersion, D::Error> {
        deserialize_text(deserializer, "a version such as 5 or 1.34.0", |text| SourceVersion::parse(text).ok())
    }
}

/// A language tag such as `de` or `en-GB`: letters, digits and single hyphens, at most 16 characters (a bounded part of BCP 47).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,2}$"))]
pub struct Locale(String);

impl Locale {
    /// Reads a language tag.
    ///
    /// # Errors
    /// [`InvalidId`] unless it is a language of two or three letters and at most two further parts of one to eight letters or digits.
    pub fn parse(text: &str) -> Result<Locale, InvalidId> {
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let language_fits =
            (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let rest_fits = parts.clone().count() <= 2
            && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if language_fits && rest_fits { Ok(Locale(text.into())) } else { Err(InvalidId) }
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The language alone, `en` of `en-GB`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Locale, D::Error> {
        deserialize_text(deserializer, "a language tag such as en or en-GB", |text| Locale::parse(text).ok())
    }
}

macro_rules! label_ref {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = u64, maximum = 9007199254740991_i64))]
        pub struct $name(u64);

        impl $name {
            /// The reference of a label (FNV-1a: Fowler, Noll, Vo; offset basis and prime of the 64-bit variant).
            pub fn from_label(label: &str) -> $name {
                let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
                });
                $name(hash & MAX_SAFE_INTEGER)
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let raw = u64::deserialize(deserializer)?;
                if raw <= MAX_SAFE_INTEGER { Ok($name(raw)) } else { Err(de::Error::custom("expected an integer below 2^53")) }
            }
        }
    };
}

label_ref! {
    /// A product as a number, 0..2^53: the 64-bit FNV-1a hash of the shop's own item label, cut to 53 bits. Labels are texts
    /// from the page and might hold anything, so only this leaves the browser; the collector hashes the shop's catalogue alike.
    ItemRef
}
label_ref! {
    /// An order as a number, made from the shop's transaction label as [`ItemRef`] is from an item's. It lets the collector
    /// count an order once although the confirmation page is loaded twice.
    OrderRef
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_are_32_lower_case_digits_and_never_print() {
        let text = "00112233445566778899aabbccddeeff";
        let id = SessionId::parse(text).expect("valid");
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{id:?}"), "SessionId(..)");
        for wrong in ["", "0011", "00112233445566778899AABBCCDDEEFF", "g0112233445566778899aabbccddeeff"] {
            assert_eq!(SessionId::parse(wrong), Err(InvalidId), "{wrong}");
        }
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(SiteKey::parse("demo").is_ok());
        for wrong in ["", "-demo", "Demo", "a b", "jane@example.com", &"a".repeat(33)] {
            assert!(SiteKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_are_short_numbers_and_hashes_have_64_digits() {
        for version in ["5", "4095", "1.34.0", "1.434.18"] {
            assert_eq!(SourceVersion::parse(version).expect("valid").as_str(), version);
        }
        for wrong in ["", "1.", ".1", "v1", "1.2.3.4", "192.168.1.77", "0171.2345.678", "12345", "1.2-beta"] {
            assert_eq!(SourceVersion::parse(wrong), Err(InvalidId), "{wrong}");
        }
        assert!(TextHash::parse(&"0f".repeat(32)).is_ok());
        for wrong in ["", &"0f".repeat(16), &"0F".repeat(32), "jane@example.com"] {
            assert_eq!(TextHash::parse(wrong), Err(InvalidId), "{wrong}");
        }
    }

    #[test]
    fn locales_are_bounded() {
        assert_eq!(Locale::parse("en-GB").expect("valid").language(), "en");
        for wrong in ["", "e", "english", "en_GB", "en-", "en-GB-x-y", "de-toolongpart"] {
            assert!(Locale::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn item_references_are_stable_and_safe_in_json() {
        // FNV-1a of "" is the offset basis; both sides of the wire and every later version must agree on these.
        assert_eq!(ItemRef::from_label("").get(), 0xcbf2_9ce4_8422_2325 & MAX_SAFE_INTEGER);
        assert_eq!(ItemRef::from_label("a").get(), 0xaf63_dc4c_8601_ec8c & MAX_SAFE_INTEGER);
        assert!(serde_json::from_str::<ItemRef>("9007199254740992").is_err());
    }

    #[test]
    fn errors_do_not_repeat_what_was_sent() {
        let error = serde_json::from_str::<SiteKey>("\"jane@example.com\"").expect_err("invalid").to_string();
        assert!(!error.contains("jane"), "{error}");
    }
}
