use waver_schema::Currency;

/// How many digits the minor unit of `currency` has: 2 unless ISO 4217 (list one, edition of 2024) says otherwise.
pub(crate) fn minor_digits(currency: Currency) -> u32 {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// An amount as on a price tag; two digits where the currency is not known.
pub(crate) fn to_major(minor: u32, currency: Option<Currency>) -> f64 {
    f64::from(minor) / 10_f64.powi(currency.map_or(2, minor_digits) as i32)
}

/// An amount as on a price tag in minor units; `None` unless it is above zero, fits, and has no more digits than the currency.
pub(crate) fn to_minor(major: f64, currency: Currency) -> Option<u32> {
    let minor = major * 10_f64.powi(minor_digits(currency) as i32);
    let whole = minor.round();
    let fits = whole >= 1.0 && whole <= f64::from(u32::MAX) && (minor - whole).abs() < 1e-6;
    fits.then_some(whole as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::new(code).expect("three capitals")
    }

    #[test]
    fn amounts_follow_the_digits_of_their_currency() {
        assert_eq!(to_minor(5.0, currency("EUR")), Some(500));
        assert_eq!(to_minor(7.35, currency("EUR")), Some(735));
        assert_eq!(to_minor(500.0, currency("JPY")), Some(500));
        assert_eq!(to_minor(1.255, currency("KWD")), Some(1255));
        for (major, code) in
            [(7.355, "EUR"), (0.5, "JPY"), (0.0, "EUR"), (-5.0, "EUR"), (f64::NAN, "EUR"), (5e7, "EUR")]
        {
            assert_eq!(to_minor(major, currency(code)), None, "{major} {code}");
        }
        assert_eq!(to_major(735, Some(currency("EUR"))), 7.35);
        assert_eq!(to_major(735, Some(currency("JPY"))), 735.0);
        assert_eq!(to_major(735, None), 7.35);
    }
}
