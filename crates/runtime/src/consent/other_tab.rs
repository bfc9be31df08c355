//! What other tabs of the shop told. A tool's own interface keeps saying in this tab what was chosen here, whatever was withdrawn elsewhere.

use std::cell::Cell;

use waver_core::consent::{PurposeSet, Reading};
use waver_schema::ConsentChoice;

/// What was withdrawn in other tabs, and has not been granted since, in whichever tab.
#[derive(Default)]
pub(super) struct OtherTab {
    withdrawn: Cell<PurposeSet>,
    /// What the sources of this tab have granted all along, and so did before the withdrawal: that is what is out of date.
    stale: Cell<PurposeSet>,
}

impl OtherTab {
    /// Another tab told what it no longer has, and what it has.
    pub(super) fn hear(&self, withdrawn: PurposeSet, granted: PurposeSet) {
        let before = self.withdrawn.get();
        let after = |before: bool, withdrawn: bool, granted: bool| withdrawn || before && !granted;
        self.withdrawn.set(PurposeSet {
            measure: after(before.measure, withdrawn.measure, granted.measure),
            personalize: after(before.personalize, withdrawn.personalize, granted.personalize),
        });
        let stale = self.stale.get();
        self.stale.set(PurposeSet {
            measure: stale.measure || withdrawn.measure,
            personalize: stale.personalize || withdrawn.personalize,
        });
    }

    /// The veto that follows, where the sources of this tab grant `here`. A grant that was not there at some moment since is a new one.
    pub(super) fn read(&self, here: PurposeSet) -> Option<Reading> {
        let (withdrawn, stale) = (self.withdrawn.get(), self.stale.get());
        let stale =
            PurposeSet { measure: stale.measure && here.measure, personalize: stale.personalize && here.personalize };
        self.stale.set(stale);
        let withdrawn = PurposeSet {
            measure: withdrawn.measure && (stale.measure || !here.measure),
            personalize: withdrawn.personalize && (stale.personalize || !here.personalize),
        };
        self.withdrawn.set(withdrawn);
        let veto = |withdrawn: bool| withdrawn.then_some(ConsentChoice::Denied);
        let reading =
            Reading { measure: veto(withdrawn.measure), personalize: veto(withdrawn.personalize), paused: false };
        (!withdrawn.is_empty()).then_some(reading)
    }

    /// The page of this tab said itself what it means for these purposes: what was heard before does not count.
    pub(super) fn forget(&self, said: PurposeSet) {
        for heard in [&self.withdrawn, &self.stale] {
            let PurposeSet { measure, personalize } = heard.get();
            heard.set(PurposeSet { measure: measure && !said.measure, personalize: personalize && !said.personalize });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: PurposeSet = PurposeSet::NONE;
    const BOTH: PurposeSet = PurposeSet { measure: true, personalize: true };
    const DENIED: Option<Reading> = Some(Reading::all(ConsentChoice::Denied));

    #[test]
    fn a_stale_grant_is_vetoed_until_it_was_given_anew() {
        let tabs = OtherTab::default();
        assert_eq!(tabs.read(BOTH), None);
        tabs.hear(BOTH, NONE);
        assert_eq!(tabs.read(BOTH), DENIED, "what this tab's tool goes on saying");
        assert_eq!(tabs.read(NONE), DENIED, "it has noticed");
        assert_eq!(tabs.read(BOTH), None, "granted in this tab after that");
    }

    #[test]
    fn a_grant_in_the_other_tab_lifts_what_it_withdrew() {
        let tabs = OtherTab::default();
        let measure = PurposeSet { measure: true, personalize: false };
        tabs.hear(BOTH, NONE);
        tabs.hear(NONE, measure);
        let personalize = Reading { personalize: Some(ConsentChoice::Denied), ..Reading::SILENT };
        assert_eq!(tabs.read(BOTH), Some(personalize));
        tabs.hear(NONE, BOTH);
        assert_eq!(tabs.read(BOTH), None);
    }

    #[test]
    fn what_the_page_says_itself_counts_at_once() {
        let tabs = OtherTab::default();
        tabs.hear(BOTH, NONE);
        tabs.forget(PurposeSet { measure: true, personalize: false });
        let personalize = Reading { personalize: Some(ConsentChoice::Denied), ..Reading::SILENT };
        assert_eq!(tabs.read(BOTH), Some(personalize));
    }
}
