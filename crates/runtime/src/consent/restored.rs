//! A page that comes back from the back/forward cache brings its sources back as they were when it was left, while on other pages the choice may
//! have been taken back or deleted. Tools whose cookie is read anew say so. A grant of the others is doubted: until its tool speaks again, it
//! counts like an open dialogue. Nothing leaves, and nothing is taken for a withdrawal.

use std::cell::Cell;
use std::rc::Rc;

use waver_core::consent::{Purpose, Reading};
use waver_schema::{ConsentChoice, ConsentSource};

/// Sources that keep their choice where nobody but they can read it anew.
const KEPT_OUT_OF_SIGHT: [ConsentSource; 6] = [
    ConsentSource::Tag,
    ConsentSource::PageCall,
    ConsentSource::Tcf,
    ConsentSource::Gpp,
    ConsentSource::ConsentMode,
    ConsentSource::Shopify,
];

/// Which sources have not spoken since the page came back: a bit for each.
#[derive(Clone, Default)]
pub(super) struct Restored {
    doubted: Rc<Cell<u32>>,
}

impl Restored {
    /// The page came back.
    pub(super) fn begin(&self) {
        self.doubted.set(KEPT_OUT_OF_SIGHT.iter().map(|source| bit(*source)).sum());
    }

    /// `source` spoke.
    pub(super) fn hear(&self, source: ConsentSource) {
        self.doubted.set(self.doubted.get() & !bit(source));
    }

    /// What counts of a reading; `stands` says whether what was chosen is seen to stand all the same. A source that at some moment does not grant
    /// has noticed something, and is believed from then on.
    pub(super) fn doubt(
        &self,
        source: ConsentSource,
        reading: Option<Reading>,
        stands: impl FnOnce() -> bool,
    ) -> Option<Reading> {
        let granted = |reading: Reading| Purpose::ALL.iter().any(|p| reading.of(*p) == Some(ConsentChoice::Granted));
        if self.doubted.get() & bit(source) == 0 {
            return reading;
        }
        if !reading.is_some_and(granted) {
            self.hear(source);
            return reading;
        }
        if stands() { reading } else { Some(Reading::PAUSED) }
    }
}

const fn bit(source: ConsentSource) -> u32 {
    1 << source as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: Option<Reading> = Some(Reading::new(ConsentChoice::Granted, ConsentChoice::Denied));
    const DENY: Option<Reading> = Some(Reading::all(ConsentChoice::Denied));
    const PAUSED: Option<Reading> = Some(Reading::PAUSED);

    #[test]
    fn a_grant_is_doubted_until_its_source_speaks() {
        let restored = Restored::default();
        let read = |source, reading| restored.doubt(source, reading, || false);
        assert_eq!(read(ConsentSource::Tcf, GRANT), GRANT, "never left");
        restored.begin();
        assert_eq!([read(ConsentSource::Tcf, GRANT), read(ConsentSource::PageCall, GRANT)], [PAUSED; 2]);
        assert_eq!(read(ConsentSource::Klaro, GRANT), GRANT, "its cookie is read anew");
        restored.hear(ConsentSource::PageCall);
        assert_eq!([read(ConsentSource::Tcf, GRANT), read(ConsentSource::PageCall, GRANT)], [PAUSED, GRANT]);
        restored.begin();
        assert_eq!(read(ConsentSource::PageCall, GRANT), PAUSED, "left and restored once more");
    }

    #[test]
    fn a_source_that_does_not_grant_is_believed_and_later_too() {
        for noticed in [DENY, PAUSED, None] {
            let restored = Restored::default();
            restored.begin();
            assert_eq!(restored.doubt(ConsentSource::Gpp, noticed, || false), noticed);
            assert_eq!(restored.doubt(ConsentSource::Gpp, GRANT, || false), GRANT);
        }
    }

    #[test]
    fn a_grant_that_is_seen_to_stand_counts_as_long_as_it_does() {
        let restored = Restored::default();
        restored.begin();
        assert_eq!(restored.doubt(ConsentSource::Tcf, GRANT, || true), GRANT);
        assert_eq!(restored.doubt(ConsentSource::Tcf, GRANT, || false), PAUSED);
    }
}
