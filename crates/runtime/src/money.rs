//! Money as integers: shops' scripts count in major units with fractions, the wire in minor units.

use waver_schema::Currency;

/// Currencies without minor units (ISO 4217, exponent 0).
const NO_DIGITS: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
/// Currencies with thousandths (ISO 4217, exponent 3).
const THREE_DIGITS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// `value` major units in minor units of `currency` (cents where the currency is not known), rounded to the nearest; `None` for
/// what is negative, not a number, or beyond 2^32.
pub(crate) fn to_minor_units(value: f64, currency: Option<Currency>) -> Option<u32> {
    let per_major = match currency.as_ref().map(Currency::as_str) {
        Some(code) if NO_DIGITS.contains(&code) => 1.0,
        Some(code) if THREE_DIGITS.contains(&code) => 1_000.0,
        _ => 100.0,
    };
    let minor = value * per_major + 0.5;
    (0.5..=f64::from(u32::MAX)).contains(&minor).then_some(minor as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(value: f64, code: &str) -> Option<u32> {
        to_minor_units(value, Currency::new(code).ok())
    }

    #[test]
    fn digits_depend_on_the_currency() {
        assert_eq!(minor(89.9, "EUR"), Some(8_990));
        assert_eq!(minor(1_250.0, "JPY"), Some(1_250));
        assert_eq!(minor(1.2345, "KWD"), Some(1_235));
        assert_eq!(to_minor_units(19.99, None), Some(1_999));
    }

    #[test]
    fn sums_that_floats_cannot_hold_are_rounded() {
        assert_eq!(minor(0.1 + 0.2, "EUR"), Some(30));
        assert_eq!(minor(1.15, "EUR"), Some(115));
        assert_eq!(minor(0.0, "EUR"), Some(0));
    }

    #[test]
    fn what_is_no_price_is_left_out() {
        for value in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert_eq!(minor(value, "EUR"), None, "{value}");
        }
    }
}
