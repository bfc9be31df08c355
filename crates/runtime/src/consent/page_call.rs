use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

/// What the page said by `waver('consent', ...)`. A purpose that it never named stays as it was before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PageCall(Option<Reading>);

impl PageCall {
    /// What stands after a call on top of what stood `before`.
    pub(crate) fn after(before: Option<Reading>, measure: Option<bool>, personalize: Option<bool>) -> PageCall {
        let before = before.unwrap_or(Reading::all(ConsentChoice::Unknown));
        let said = |said: Option<bool>, before| match said {
            Some(true) => ConsentChoice::Granted,
            Some(false) => ConsentChoice::Denied,
            None => before,
        };
        PageCall(Some(Reading {
            measure: said(measure, before.measure),
            personalize: said(personalize, before.personalize),
        }))
    }

    pub(crate) fn reading(self) -> Option<Reading> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_that_is_not_named_stays_as_it_was() {
        let first = PageCall::after(None, Some(true), None);
        let expected = Reading { measure: ConsentChoice::Granted, personalize: ConsentChoice::Unknown };
        assert_eq!(first.reading(), Some(expected));
        let second = PageCall::after(first.reading(), None, Some(false));
        let expected = Reading { measure: ConsentChoice::Granted, personalize: ConsentChoice::Denied };
        assert_eq!(second.reading(), Some(expected));
    }
}
