//! The timers of the shell: one for each purpose, and one kind of closure for all of them.

use std::cell::RefCell;

use gloo_timers::callback::Timeout;

use crate::shell::Shell;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To start the sensors after the current task.
    Start,
    /// To go on with the session after the page was restored.
    Resume,
    /// To begin a view that the page has not named.
    View,
    /// To tell the engine that time passed.
    Wake,
    /// To send what waits.
    Flush,
    /// To put the grant on record again.
    Grant,
    /// To answer questions that waited long enough.
    Questions,
    /// To take ended offers off the page.
    Offers,
    /// To look at the sources of consent again, which may have changed without telling.
    Look,
    /// To go on without the tab that has the session.
    Join,
    /// To leave the session for the tab's next page.
    Keep,
}

/// Those that are set, with the millisecond of the page at which they are due.
#[derive(Default)]
pub(crate) struct Timers(RefCell<[Option<(u64, Timeout)>; 11]>);

impl Timers {
    /// When that timer is due, if it is set.
    pub(crate) fn due_at(&self, purpose: Purpose) -> Option<u64> {
        self.0.borrow()[purpose as usize].as_ref().map(|(at, _)| *at)
    }

    /// Sets a timer to `at`, `in_ms` from now, instead of what it was set to.
    pub(crate) fn set(&self, shell: &'static Shell, purpose: Purpose, at: u64, in_ms: u32) {
        let timeout = Timeout::new(in_ms, move || {
            shell.timers.unset(purpose);
            shell.take_due(purpose);
        });
        self.0.borrow_mut()[purpose as usize] = Some((at, timeout));
    }

    pub(crate) fn unset(&self, purpose: Purpose) {
        self.0.borrow_mut()[purpose as usize] = None;
    }

    /// Unsets all but those that whoever waits relies on: the sources of consent are looked at, and questions answered, whatever ends.
    pub(crate) fn unset_most(&self) {
        let mut timers = self.0.borrow_mut();
        let kept = [Purpose::Look, Purpose::Questions].map(|kept| (kept, timers[kept as usize].take()));
        *timers = Default::default();
        for (purpose, timer) in kept {
            timers[purpose as usize] = timer;
        }
    }
}
