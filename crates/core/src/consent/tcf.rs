//! What a consent under IAB's TCF means for our purposes. Legitimate interests and special features are never relied on.

use waver_schema::ConsentChoice;

use super::tc_string::{self, TcConsents};
use super::{Purpose, Reading};

/// The policies since which a vendor may only rely on a string that says it was shown to the user (TCF 2.3).
const DISCLOSURE_POLICY: u8 = 5;

/// Whose consent in a TC string counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TcBasis {
    /// The publisher's own: whoever measures for the shop alone is its processor, and no vendor of the list.
    #[default]
    Publisher,
    /// The purposes as such, where the shop says that its tool asks for nothing more.
    Purposes,
    /// The vendor of that number on the Global Vendor List.
    Vendor(u16),
}

impl TcBasis {
    /// The vendor to ask for.
    pub const fn vendor(self) -> Option<u16> {
        match self {
            TcBasis::Vendor(vendor) => Some(vendor),
            _ => None,
        }
    }
}

/// The purposes of TCF that have to be consented for one of ours, as bits of [`TcConsents::purposes`].
const fn needed(purpose: Purpose) -> u32 {
    match purpose {
        // 1 store and access, 8 measure content performance.
        Purpose::Measure => 1 | 1 << 7,
        // 1, 5 profiles for content, 6 use of such profiles.
        Purpose::Personalize => 1 | 1 << 4 | 1 << 5,
    }
}

/// What follows from what a consent tool shows, if its own string says the same; else nothing is granted.
pub fn reading(basis: TcBasis, shown: &TcConsents, string: &str) -> Reading {
    let agreed = tc_string::read(string, basis.vendor()).filter(|read| agree(shown, read));
    let Some(read) = agreed else { return Reading::all(ConsentChoice::Denied) };
    let disclosed = shown.vendor.disclosed.or(read.vendor.disclosed);
    let choice = |purpose| {
        if allows(basis, shown, disclosed, needed(purpose)) { ConsentChoice::Granted } else { ConsentChoice::Denied }
    };
    Reading::new(choice(Purpose::Measure), choice(Purpose::Personalize))
}

/// Disclosure may be told in one place alone: tools show it in different ones, and leave it out of strings.
fn agree(shown: &TcConsents, read: &TcConsents) -> bool {
    let disclosed = |of: &TcConsents| of.vendor.disclosed;
    let same_disclosure = disclosed(shown).zip(disclosed(read)).is_none_or(|(shown, read)| shown == read);
    let mut shown = *shown;
    shown.vendor.disclosed = disclosed(read);
    same_disclosure && shown == *read
}

fn allows(basis: TcBasis, consents: &TcConsents, disclosed: Option<bool>, needed: u32) -> bool {
    let consented = |of: u32| of & needed == needed;
    let by_basis = match basis {
        TcBasis::Publisher => consented(consents.publisher),
        TcBasis::Purposes => consented(consents.purposes),
        TcBasis::Vendor(_) => {
            let told = disclosed == Some(true) || disclosed.is_none() && consents.policy < DISCLOSURE_POLICY;
            consented(consents.purposes)
                && consents.vendor.consented
                && told
                && consents.vendor.restricted & needed == 0
        }
    };
    by_basis && consents.service_specific && !consents.purpose_one_treatment
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConsentChoice::{Denied, Granted};

    /// Purposes 1, 5 and 8; vendors 755 and 900. Policy 5 in all of these.
    const P158: &str = "CQuCLYAQuCLYAAfADAENABFgAIkAAAAAAAAAHCQAgF5gOEAAAAAA.YAAAAAAAAAAA";
    /// Purposes 1 and 8, vendor 900, which may not have purpose 8.
    const RESTRICTED: &str = "CQuCLYAQuCLYAAfADAENABFgAIEAAAAAAAAAHCQAQHCAAAABIAAQHCAA.YAAAAAAAAAAA";
    /// Consent for purpose 1 alone; legitimate interests for 2 and 7 to 10.
    const LEGITIMATE_INTERESTS: &str = "CQuCLYAQuCLYAAfADAENABFgAIAAAEPAAAAAAAAAAAAA.YAAAAAAAAAAA";
    /// Purposes 1 and 8, vendor 755; 755 and 900 were shown.
    const DISCLOSED: &str = "CQuCLYAQuCLYAAfADAENABFgAIEAAAAAAAAAF5wAQF5gAAAA.IHCQAgF5gOEA";

    fn shown(string: &str, basis: TcBasis) -> TcConsents {
        tc_string::read(string, basis.vendor()).expect("a string")
    }

    fn of(string: &str, basis: TcBasis) -> Reading {
        reading(basis, &shown(string, basis), string)
    }

    const MEASURE: Reading = Reading::new(Granted, Denied);
    const NOTHING: Reading = Reading::all(Denied);

    #[test]
    fn only_what_was_consented_for_a_vendor_that_was_shown_is_granted() {
        assert_eq!(of(DISCLOSED, TcBasis::Vendor(755)), MEASURE);
        assert_eq!(of(DISCLOSED, TcBasis::Vendor(900)), NOTHING, "shown, but without consent");
        assert_eq!(of(P158, TcBasis::Vendor(755)), NOTHING, "consent, but nobody says it was shown");
        assert_eq!(of(RESTRICTED, TcBasis::Vendor(900)), NOTHING);
        assert_eq!(of(LEGITIMATE_INTERESTS, TcBasis::Purposes), NOTHING);
        assert_eq!(of(P158, TcBasis::Purposes), MEASURE, "and 5 without 6 is no profile");
        assert_eq!(of(P158, TcBasis::Publisher), NOTHING, "the publisher asked nothing for itself");
    }

    #[test]
    fn a_restriction_holds_also_where_disclosure_is_told_outside_the_string() {
        let basis = TcBasis::Vendor(900);
        let mut object = shown(RESTRICTED, basis);
        object.vendor.disclosed = Some(true);
        assert_eq!(reading(basis, &object, RESTRICTED), NOTHING);
        let basis = TcBasis::Vendor(755);
        let mut object = shown(P158, basis);
        object.vendor.disclosed = Some(true);
        assert_eq!(reading(basis, &object, P158), MEASURE, "the same vendor gate, open");
    }

    #[test]
    fn a_tool_whose_object_and_string_disagree_grants_nothing() {
        let basis = TcBasis::Vendor(755);
        let changes: [fn(&mut TcConsents); 7] = [
            |of| of.purposes |= 1 << 5,
            |of| of.policy = 4,
            |of| of.publisher = 1,
            |of| of.vendor.restricted = 1 << 1,
            |of| of.vendor.disclosed = Some(false),
            |of| of.vendor.consented = false,
            |of| of.service_specific = !of.service_specific,
        ];
        for change in changes {
            let mut object = shown(DISCLOSED, basis);
            change(&mut object);
            assert_eq!(reading(basis, &object, DISCLOSED), NOTHING, "{object:?}");
        }
        assert_eq!(reading(basis, &shown(DISCLOSED, basis), "C"), NOTHING, "no string");
    }

    #[test]
    fn consent_for_every_site_or_under_another_law_is_none() {
        // Whatever else is consented.
        let mut consents = TcConsents { purposes: u32::MAX, service_specific: true, ..TcConsents::default() };
        assert!(allows(TcBasis::Purposes, &consents, None, needed(Purpose::Personalize)));
        consents.service_specific = false;
        assert!(!allows(TcBasis::Purposes, &consents, None, needed(Purpose::Measure)));
        consents = TcConsents { service_specific: true, purpose_one_treatment: true, ..consents };
        assert!(!allows(TcBasis::Purposes, &consents, None, needed(Purpose::Measure)));
    }
}
