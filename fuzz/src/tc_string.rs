//! Consent strings of the TCF, which come from whatever script of the page calls itself a consent tool.

use waver_core::consent::Purpose;
use waver_core::consent::tc_string::{self, PURPOSES};
use waver_core::consent::tcf::{self, TcBasis};
use waver_schema::ConsentChoice;

/// Purposes 1 and 8: without both nothing is measured.
const FOR_MEASURING: u32 = 1 | 1 << 7;

pub(crate) fn run(bytes: &[u8]) {
    // Two bytes say which vendor is meant, so that changes to the rest keep it.
    let Some((vendor, text)) = bytes.split_first_chunk::<2>() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let vendor = u16::from_le_bytes(*vendor);
    let Some(read) = tc_string::read(text, Some(vendor)) else {
        assert_eq!(tc_string::read(text, None), None, "whom it is asked for does not make it a string");
        return;
    };
    let others = tc_string::read(text, None).expect("whom it is asked for does not make it none");
    assert_eq!((others.purposes, others.publisher, others.policy), (read.purposes, read.publisher, read.policy));
    assert!(!others.vendor.consented && others.vendor.restricted == 0);
    assert!((read.purposes | read.publisher | read.vendor.restricted) >> PURPOSES == 0);

    let grants = |basis| tcf::reading(basis, &read, text).of(Purpose::Measure) == Some(ConsentChoice::Granted);
    if grants(TcBasis::Vendor(vendor)) {
        assert!(read.purposes & FOR_MEASURING == FOR_MEASURING && read.vendor.restricted & FOR_MEASURING == 0);
        assert!(read.vendor.consented && read.vendor.disclosed != Some(false) && read.service_specific);
    }
    // The string of another vendor's restrictions is another opinion.
    if read.vendor != others.vendor {
        assert!(!grants(TcBasis::Publisher), "object and string disagree");
    }
}
