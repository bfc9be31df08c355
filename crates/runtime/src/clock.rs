//! Time. Order and durations come from the page's monotonic clock; the wall clock only bridges page loads.

use crate::page;

/// Whole milliseconds since this page began, by the monotonic clock.
pub(crate) fn now() -> u64 {
    page::performance_now() as u64
}

/// Unix milliseconds by the wall clock.
pub(crate) fn wall() -> u64 {
    js_sys::Date::now() as u64
}

/// By how many milliseconds the wall clock is ahead of the page's. It changes when somebody sets the one, or the machine sleeps through the other.
pub(crate) fn drift() -> i64 {
    wall().cast_signed().saturating_sub(now().cast_signed())
}

/// Turns milliseconds of the page into milliseconds of the session, which may have begun on an earlier page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionClock {
    offset: i64,
}

impl SessionClock {
    /// A clock that shows `t` when the page's clock shows `now`.
    pub(crate) fn showing(t: u64, now: u64) -> SessionClock {
        SessionClock { offset: t.cast_signed().saturating_sub(now.cast_signed()) }
    }

    /// Milliseconds of the session at `at` of the page; what was before the session counts as its beginning.
    pub(crate) fn at(self, at: u64) -> u64 {
        u64::try_from(at.cast_signed().saturating_add(self.offset)).unwrap_or(0)
    }

    /// Milliseconds of the page at `t` of the session; what was before the page counts as its beginning.
    pub(crate) fn page_time(self, t: u64) -> u64 {
        u64::try_from(t.cast_signed().saturating_sub(self.offset)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_begins_now_counts_from_zero() {
        let clock = SessionClock::showing(0, 5_000);
        assert_eq!((clock.at(4_000), clock.at(5_000), clock.at(5_250)), (0, 0, 250));
        assert_eq!(clock.page_time(250), 5_250);
    }

    #[test]
    fn a_session_from_an_earlier_page_goes_on() {
        let clock = SessionClock::showing(90_000, 300);
        assert_eq!((clock.at(300), clock.at(1_300)), (90_000, 91_000));
        assert_eq!((clock.page_time(91_000), clock.page_time(10)), (1_300, 0));
    }
}
