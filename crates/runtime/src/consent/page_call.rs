//! What the page says by `waver('consent', ...)`.

use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

/// What stands after a call on top of what stood `before`: a purpose that is not named stays as it was.
pub(super) fn after(before: Option<Reading>, measure: Option<bool>, personalize: Option<bool>) -> Reading {
    let before = before.unwrap_or(Reading::all(ConsentChoice::Unknown));
    let said = |said: Option<bool>, before| match said {
        Some(true) => Some(ConsentChoice::Granted),
        Some(false) => Some(ConsentChoice::Denied),
        None => before,
    };
    Reading {
        measure: said(measure, before.measure),
        personalize: said(personalize, before.personalize),
        paused: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_that_is_not_named_stays_as_it_was() {
        let first = after(None, Some(true), None);
        assert_eq!(first, Reading::new(ConsentChoice::Granted, ConsentChoice::Unknown));
        let second = after(Some(first), None, Some(false));
        assert_eq!(second, Reading::new(ConsentChoice::Granted, ConsentChoice::Denied));
    }
}
