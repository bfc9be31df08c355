//! A reader of IAB TCF consent strings, version 2: of the few fields that a grant depends on, for one vendor. It is the second opinion beside
//! the object that a consent tool shows, so it reads strictly: what is not wholly as specified is no string.
//!
//! Source: IAB Tech Lab, "Transparency and Consent String with Global Vendor & CMP List Formats", version 2.3.

/// Longest string that is read, in characters. The whole vendor list, bit by bit and in every list of a string, takes about a thousand.
pub const MOST_CHARS: usize = 16 * 1024;
/// Purposes that a string has room for.
pub const PURPOSES: u8 = 24;

const VERSION: u64 = 2;
/// Created, last updated, CMP's number and version, screen, language and version of the vendor list: nothing of it matters here.
const BITS_BEFORE_POLICY: usize = 36 + 36 + 12 + 12 + 6 + 12 + 12;
const DISCLOSED_VENDORS: u64 = 1;
const PUBLISHER: u64 = 3;
/// Restriction types by which a vendor may not rely on consent: not allowed, legitimate interest required, and the one that is not defined.
const NOT_BY_CONSENT: [u64; 3] = [0, 2, 3];

/// What a consent string, or the object of a consent tool, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcConsents {
    /// Version of the TCF policies.
    pub policy: u8,
    /// The consent is for this site alone.
    pub service_specific: bool,
    /// Purpose 1 was not asked about, by the law of the publisher's country.
    pub purpose_one_treatment: bool,
    /// Consented purposes: bit n-1 is purpose n.
    pub purposes: u32,
    /// What the publisher itself was given consent for; bits as in `purposes`, 0 where that was not asked.
    pub publisher: u32,
    /// About the vendor that was asked for.
    pub vendor: VendorConsents,
}

/// What is said about one vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VendorConsents {
    /// It has consent.
    pub consented: bool,
    /// It was shown to the user; `None` where that is not told of any vendor.
    pub disclosed: Option<bool>,
    /// Purposes for which the publisher does not let it rely on consent; bits as in [`TcConsents::purposes`].
    pub restricted: u32,
}

/// Reads a string, for `vendor` if there is one. `None` for everything that is no such string.
pub fn read(text: &str, vendor: Option<u16>) -> Option<TcConsents> {
    if text.len() > MOST_CHARS {
        return None;
    }
    let mut segments = text.split('.');
    let mut consents = core_segment(Bits::new(segments.next()?)?, vendor)?;
    for segment in segments {
        let mut bits = Bits::new(segment)?;
        match bits.take(3)? {
            DISCLOSED_VENDORS => consents.vendor.disclosed = Some(vendor_list(&mut bits, vendor)?),
            PUBLISHER => consents.publisher = purposes(&mut bits)?,
            _ => {}
        }
    }
    Some(consents)
}

fn core_segment(mut bits: Bits<'_>, vendor: Option<u16>) -> Option<TcConsents> {
    if bits.take(6)? != VERSION {
        return None;
    }
    bits.skip(BITS_BEFORE_POLICY)?;
    let policy = bits.take(6)? as u8;
    let service_specific = bits.flag()?;
    // Own texts, and special features: location and device scanning, which this never relies on.
    bits.skip(1 + 12)?;
    let consented = purposes(&mut bits)?;
    // Legitimate interests: never relied on either.
    bits.skip(usize::from(PURPOSES))?;
    let purpose_one_treatment = bits.flag()?;
    bits.skip(12)?; // the publisher's country
    let vendor_consented = vendor_list(&mut bits, vendor)?;
    vendor_list(&mut bits, None)?; // those with a legitimate interest
    let restricted = restrictions(&mut bits, vendor)?;
    Some(TcConsents {
        policy,
        service_specific,
        purpose_one_treatment,
        purposes: consented,
        publisher: 0,
        vendor: VendorConsents { consented: vendor_consented, disclosed: None, restricted },
    })
}

/// 24 flags, the first of which is purpose 1.
fn purposes(bits: &mut Bits<'_>) -> Option<u32> {
    let flags = bits.take(PURPOSES.into())? as u32;
    Some(flags.reverse_bits() >> (u32::BITS - u32::from(PURPOSES)))
}

/// Whether `vendor` is in a list, which is a flag for each vendor or a number of ranges.
fn vendor_list(bits: &mut Bits<'_>, vendor: Option<u16>) -> Option<bool> {
    let most = bits.take(16)? as usize;
    if bits.flag()? {
        return ranges(bits, vendor);
    }
    let place = vendor.map(usize::from).filter(|vendor| (1..=most).contains(vendor));
    let Some(place) = place else { return bits.skip(most).map(|()| false) };
    bits.skip(place - 1)?;
    let is_in = bits.flag()?;
    bits.skip(most - place)?;
    Some(is_in)
}

/// Whether `vendor` is in one of a number of ranges.
fn ranges(bits: &mut Bits<'_>, vendor: Option<u16>) -> Option<bool> {
    let mut is_in = false;
    for _ in 0..bits.take(12)? {
        let is_range = bits.flag()?;
        let first = bits.take(16)? as u16;
        let last = if is_range { bits.take(16)? as u16 } else { first };
        if first == 0 || last < first {
            return None;
        }
        is_in |= vendor.is_some_and(|vendor| (first..=last).contains(&vendor));
    }
    Some(is_in)
}

/// The purposes for which `vendor` may not rely on consent.
fn restrictions(bits: &mut Bits<'_>, vendor: Option<u16>) -> Option<u32> {
    let mut restricted = 0;
    for _ in 0..bits.take(12)? {
        let (purpose, kind) = (bits.take(6)?, bits.take(2)?);
        let is_meant = ranges(bits, vendor)?;
        if !(1..=u64::from(PURPOSES)).contains(&purpose) {
            return None;
        }
        if is_meant && NOT_BY_CONSENT.contains(&kind) {
            restricted |= 1 << (purpose - 1);
        }
    }
    Some(restricted)
}

/// The bits of a segment: six in each character of base64url.
struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(segment: &'a str) -> Option<Bits<'a>> {
        let text = segment.as_bytes();
        text.iter().all(|character| six_bits(*character).is_some()).then_some(Bits { text, at: 0 })
    }

    /// The next `count` bits, at most 64.
    fn take(&mut self, count: usize) -> Option<u64> {
        let mut number = 0;
        let end = self.at.checked_add(count)?;
        while self.at < end {
            let six = six_bits(*self.text.get(self.at / 6)?)?;
            number = number << 1 | u64::from(six >> (5 - self.at % 6) & 1);
            self.at += 1;
        }
        Some(number)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|flag| flag == 1)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.text.len() * 6)?;
        Some(())
    }
}

const fn six_bits(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Strings of the official encoder with what went into it; `tc_strings.mjs` beside it writes them.
    const OFFICIAL: &str = include_str!("tc_strings.json");

    fn bits(numbers: &Value) -> u32 {
        numbers.as_array().expect("a list").iter().map(|n| 1 << (n.as_u64().expect("a purpose") - 1)).sum()
    }

    fn official() -> Vec<(String, Option<u16>, TcConsents)> {
        let cases: Vec<Value> = serde_json::from_str(OFFICIAL).expect("JSON");
        let mut official = Vec::new();
        for case in &cases {
            for about in case["vendors"].as_array().expect("a list") {
                let expected = TcConsents {
                    policy: case["policy"].as_u64().expect("a number") as u8,
                    service_specific: case["service_specific"] == true,
                    purpose_one_treatment: case["purpose_one_treatment"] == true,
                    purposes: bits(&case["purposes"]),
                    publisher: bits(&case["publisher"]),
                    vendor: VendorConsents {
                        consented: about["consented"] == true,
                        disclosed: about["disclosed"].as_bool(),
                        restricted: bits(&about["restricted"]),
                    },
                };
                let vendor = about["vendor"].as_u64().map(|vendor| vendor as u16);
                official.push((case["string"].as_str().expect("a string").to_owned(), vendor, expected));
            }
        }
        official
    }

    #[test]
    fn strings_of_the_official_encoder_say_what_was_put_into_them() {
        let cases = official();
        assert!(cases.len() > 300, "{}", cases.len());
        for (string, vendor, expected) in cases {
            assert_eq!(read(&string, vendor), Some(expected), "{vendor:?} in {string}");
        }
    }

    #[test]
    fn what_is_cut_off_or_is_something_else_is_no_string() {
        for (string, vendor, _) in official().into_iter().filter(|(_, vendor, _)| vendor.is_none()) {
            let core = string.split('.').next().expect("a segment");
            // The last characters may hold nothing but padding.
            for end in 0..core.len() - 4 {
                assert_eq!(read(&core[..end], vendor), None, "{}", &core[..end]);
            }
            assert_eq!(read(&format!("B{}", &string[1..]), vendor), None);
            assert_eq!(read(&format!("{string}."), vendor), None);
            assert_eq!(read(&format!("{string}.="), vendor), None);
        }
        assert_eq!(read(&"C".repeat(MOST_CHARS + 1), None), None);
        assert_eq!(read("", None), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_say_more_than_it_can(text in "C[A-Za-z0-9_.-]{0,400}|.{0,100}", vendor: Option<u16>) {
            if let Some(consents) = read(&text, vendor) {
                let all = 1_u32 << PURPOSES;
                prop_assert!(consents.purposes < all && consents.publisher < all && consents.vendor.restricted < all);
                prop_assert!(vendor.is_some() || !consents.vendor.consented && consents.vendor.restricted == 0);
            }
        }
    }
}
