use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A value outside the range of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("value out of range")
    }
}

/// A score or probability in thousandths, 0..=1000. Integers keep floats, and their formatting, off the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u16, minimum = 0, maximum = 1000))]
pub struct Milli(u16);

impl Milli {
    /// The whole, 1000 thousandths.
    pub const ONE: Milli = Milli(1000);

    /// Nearest thousandth of `unit`; values below 0, above 1 and NaN are clamped to the nearer end (NaN to 0).
    pub fn from_unit(unit: f64) -> Milli {
        // `as` saturates and maps NaN to 0, which is just the clamp wanted here.
        Milli(((unit * 1000.0 + 0.5) as u16).min(1000))
    }

    /// The value as a fraction in 0..=1.
    pub fn to_unit(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// The raw thousandths, 0..=1000.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u64> for Milli {
    type Error = OutOfRange;
    fn try_from(raw: u64) -> Result<Milli, OutOfRange> {
        u16::try_from(raw).ok().filter(|raw| *raw <= 1000).map(Milli).ok_or(OutOfRange)
    }
}

impl<'de> Deserialize<'de> for Milli {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Milli, D::Error> {
        let raw = u64::deserialize(deserializer)?;
        Milli::try_from(raw).map_err(|_| de::Error::custom("expected thousandths in 0..=1000"))
    }
}

/// An ISO 4217 code: three capital letters, stored as such. Whether the code is assigned is not checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Z]{3}$", example = "EUR"))]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads `code`.
    ///
    /// # Errors
    /// [`OutOfRange`] unless `code` is exactly three capital ASCII letters.
    pub fn new(code: &str) -> Result<Currency, OutOfRange> {
        match code.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Currency([a, b, c])),
            _ => Err(OutOfRange),
        }
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        // Only capital ASCII letters are ever stored, so this never falls back.
        core::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        crate::id::deserialize_text(deserializer, "three capital letters (ISO 4217)", |text| Currency::new(text).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_round_and_clamp() {
        assert_eq!(Milli::from_unit(0.4996).get(), 500);
        assert_eq!(Milli::from_unit(-3.0).get(), 0);
        assert_eq!(Milli::from_unit(7.0).get(), 1000);
        assert_eq!(Milli::from_unit(f64::NAN).get(), 0);
    }

    #[test]
    fn thousandths_above_one_thousand_are_refused() {
        assert!(serde_json::from_str::<Milli>("1001").is_err());
        assert!(serde_json::from_str::<Milli>("-1").is_err());
        assert_eq!(serde_json::from_str::<Milli>("1000").ok(), Some(Milli::ONE));
    }

    #[test]
    fn currencies_are_three_capitals() {
        assert!(Currency::new("EUR").is_ok());
        for wrong in ["eur", "EURO", "E1R", "", "€"] {
            assert_eq!(Currency::new(wrong), Err(OutOfRange), "{wrong}");
        }
    }
}
