use waver_schema::Currency;

use crate::money::minor_digits;

/// Most characters of a price: 10 digits with 3 marks between them and one before the decimals, a space, and a code or symbol of 3.
pub(crate) const MOST_PRICE_CHARS: usize = 20;

/// How a language writes sums of money.
struct Style {
    decimal: char,
    group: char,
    /// Whether the symbol goes before the number, without a space.
    symbol_first: bool,
}

const NARROW_SPACE: char = '\u{202f}';
const SPACE: char = '\u{a0}';

/// By the number patterns of CLDR 47 for the languages of the European Union and the largest others; in what is not named, as in English.
fn style(locale: &str) -> Style {
    let (language, region) = locale.split_once('-').unwrap_or((locale, ""));
    let (decimal, group, symbol_first) = match (language, region) {
        ("de", "ch" | "li") => ('.', '’', false),
        ("de", "at") | ("pt", "pt") => (',', SPACE, false),
        ("es", "mx") => ('.', ',', true),
        ("pt", _) => (',', '.', false),
        ("de" | "es" | "it" | "nl" | "da" | "el" | "hr" | "sl" | "ro" | "tr" | "id" | "vi" | "ca" | "gl", _) => {
            (',', '.', false)
        }
        ("fr", _) => (',', NARROW_SPACE, false),
        ("bg" | "cs" | "et" | "fi" | "hu" | "lt" | "lv" | "nb" | "nn" | "no" | "pl" | "ru" | "sk" | "sv" | "uk", _) => {
            (',', SPACE, false)
        }
        _ => ('.', ',', true),
    };
    Style { decimal, group, symbol_first }
}

/// A price as people write it in `locale` (a language tag in lower case): `€1,234.50` in English, `1.234,50 €` in German.
pub(crate) fn written(minor: u32, currency: Currency, locale: &str) -> String {
    let Style { decimal, group, symbol_first } = style(locale);
    let digits = minor_digits(currency) as usize;
    let padded = format!("{minor:0width$}", width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let mut number = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            number.push(group);
        }
        number.push(digit);
    }
    if !fraction.is_empty() {
        number.push(decimal);
        number.push_str(fraction);
    }
    match (symbol(currency), symbol_first) {
        (Some(symbol), true) => format!("{symbol}{number}"),
        (Some(symbol), false) => format!("{number}{SPACE}{symbol}"),
        // A code is a word, and stands apart.
        (None, true) => format!("{}{SPACE}{number}", currency.as_str()),
        (None, false) => format!("{number}{SPACE}{}", currency.as_str()),
    }
}

/// The symbol, where it means one currency everywhere.
fn symbol(currency: Currency) -> Option<&'static str> {
    match currency.as_str() {
        "EUR" => Some("€"),
        "GBP" => Some("£"),
        "INR" => Some("₹"),
        "PLN" => Some("zł"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_written_as_the_language_does() {
        let price = |minor, code: &str, locale: &str| written(minor, Currency::new(code).expect("a code"), locale);
        for (minor, code, locale, expected) in [
            (4990, "EUR", "en", "€49.90"),
            (4990, "EUR", "de", "49,90\u{a0}€"),
            (4990, "EUR", "de-at", "49,90\u{a0}€"),
            (123_456_789, "EUR", "de", "1.234.567,89\u{a0}€"),
            (123_450, "GBP", "en-gb", "£1,234.50"),
            (123_450, "EUR", "fr", "1\u{202f}234,50\u{a0}€"),
            (4990, "CHF", "de-ch", "49.90\u{a0}CHF"),
            (4990, "USD", "en", "USD\u{a0}49.90"),
            (500, "JPY", "ja", "JPY\u{a0}500"),
            (5, "EUR", "xx", "€0.05"),
            (1255, "KWD", "en", "KWD\u{a0}1.255"),
            (0, "EUR", "sv", "0,00\u{a0}€"),
        ] {
            assert_eq!(price(minor, code, locale), expected, "{minor} {code} {locale}");
        }
    }

    #[test]
    fn no_price_is_longer_than_there_is_room_for() {
        for code in ["EUR", "JPY", "USD", "KWD", "UYW"] {
            for locale in ["en", "de", "fr", "pl"] {
                let price = written(u32::MAX, Currency::new(code).expect("a code"), locale);
                assert!(price.chars().count() <= MOST_PRICE_CHARS, "{price}");
            }
        }
    }
}
