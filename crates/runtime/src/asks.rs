//! The questions that are under way: one request for each slot, however many wait for its answer, and answers that came before anybody asked.
//! Pure, and bounded in every direction.

use waver_schema::SlotName;

/// Slots beyond this are not asked for.
const MOST_SLOTS: usize = 16;
/// Questions beyond this are not kept waiting.
const MOST_WAITING: usize = 64;
/// A request without an answer for this long is given up, so that its slot can be asked for again. Questions have deadlines of their own.
const GIVEN_UP_MS: u64 = 10_000;

/// Questions `Q`, answers `V`, and requests that end when their `C` is dropped.
pub(crate) struct Asks<Q, V, C> {
    asks: Vec<Ask<Q, V, C>>,
    /// Numbers requests.
    count: u32,
}

struct Ask<Q, V, C> {
    slot: SlotName,
    request: Option<Request<C>>,
    waiting: Vec<Waiting<Q>>,
    kept: Option<V>,
}

struct Request<C> {
    number: u32,
    sent_at: u64,
    _cancel: C,
}

/// A question that waits. Times are milliseconds of the page.
pub(crate) struct Waiting<Q> {
    pub(crate) question: Q,
    pub(crate) asked_at: u64,
    deadline: u64,
}

/// A request that came to its end, and who waited for it.
pub(crate) struct Settled<Q> {
    pub(crate) slot: SlotName,
    pub(crate) sent_at: u64,
    pub(crate) waiting: Vec<Waiting<Q>>,
}

impl<Q, V, C> Default for Asks<Q, V, C> {
    fn default() -> Self {
        Asks { asks: Vec::new(), count: 0 }
    }
}

impl<Q, V, C> Asks<Q, V, C> {
    /// Whether the slot was asked for and the answer is still to come, or has come and nobody took it.
    pub(crate) fn holds(&self, slot: &SlotName) -> bool {
        self.find(slot).is_some_and(|ask| ask.request.is_some() || ask.kept.is_some())
    }

    /// Takes the answer that came before the question.
    pub(crate) fn take(&mut self, slot: &SlotName) -> Option<V> {
        let kept = self.find_mut(slot)?.kept.take();
        self.tidy();
        kept
    }

    /// Keeps an answer that nobody waited for.
    pub(crate) fn keep(&mut self, slot: &SlotName, answer: V) {
        if let Some(ask) = self.enter(slot) {
            ask.kept = Some(answer);
        }
    }

    /// Lets a question wait until `deadline`; gives it back if there is no room.
    pub(crate) fn wait(&mut self, slot: &SlotName, question: Q, asked_at: u64, deadline: u64) -> Option<Q> {
        let waiting: usize = self.asks.iter().map(|ask| ask.waiting.len()).sum();
        match self.enter(slot).filter(|_| waiting < MOST_WAITING) {
            Some(ask) => {
                ask.waiting.push(Waiting { question, asked_at, deadline });
                None
            }
            None => Some(question),
        }
    }

    /// Whether a request may be sent for the slot: there is none under way, and there is room.
    pub(crate) fn is_free(&mut self, slot: &SlotName) -> bool {
        let free = self.enter(slot).is_some_and(|ask| ask.request.is_none());
        self.tidy();
        free
    }

    /// A request for the slot is sent; gives its number.
    pub(crate) fn send(&mut self, slot: &SlotName, sent_at: u64, cancel: C) -> u32 {
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        if let Some(ask) = self.enter(slot) {
            ask.request = Some(Request { number, sent_at, _cancel: cancel });
        }
        number
    }

    /// The request of that number came to its end; `None` if nobody wants to know any more.
    pub(crate) fn settle(&mut self, number: u32) -> Option<Settled<Q>> {
        let is_it = |ask: &&mut Ask<Q, V, C>| ask.request.as_ref().is_some_and(|request| request.number == number);
        let ask = self.asks.iter_mut().find(is_it)?;
        let sent_at = ask.request.take()?.sent_at;
        let settled = Settled { slot: ask.slot.clone(), sent_at, waiting: std::mem::take(&mut ask.waiting) };
        self.tidy();
        Some(settled)
    }

    /// The questions whose time is over at `now`. Requests that take too long are given up.
    pub(crate) fn overdue(&mut self, now: u64) -> Vec<Q> {
        let mut overdue = Vec::new();
        for ask in &mut self.asks {
            for waiting in std::mem::take(&mut ask.waiting) {
                if waiting.deadline <= now {
                    overdue.push(waiting.question);
                } else {
                    ask.waiting.push(waiting);
                }
            }
            ask.request.take_if(|request| request.sent_at + GIVEN_UP_MS <= now);
        }
        self.tidy();
        overdue
    }

    /// The slots for which somebody waits and nothing is under way.
    pub(crate) fn unsent(&self) -> Vec<SlotName> {
        let unsent = self.asks.iter().filter(|ask| ask.request.is_none() && !ask.waiting.is_empty());
        unsent.map(|ask| ask.slot.clone()).collect()
    }

    /// When [`Asks::overdue`] is to be called next.
    pub(crate) fn next_due(&self) -> Option<u64> {
        let of = |ask: &Ask<Q, V, C>| {
            let given_up = ask.request.as_ref().map(|request| request.sent_at + GIVEN_UP_MS);
            ask.waiting.iter().map(|waiting| waiting.deadline).chain(given_up).min()
        };
        self.asks.iter().filter_map(of).min()
    }

    /// Ends every request and forgets every answer; gives the questions that waited.
    pub(crate) fn clear(&mut self) -> Vec<Q> {
        let asks = std::mem::take(&mut self.asks);
        asks.into_iter().flat_map(|ask| ask.waiting).map(|waiting| waiting.question).collect()
    }

    fn find(&self, slot: &SlotName) -> Option<&Ask<Q, V, C>> {
        self.asks.iter().find(|ask| ask.slot == *slot)
    }

    fn find_mut(&mut self, slot: &SlotName) -> Option<&mut Ask<Q, V, C>> {
        self.asks.iter_mut().find(|ask| ask.slot == *slot)
    }

    /// The slot's place, which there is unless there are too many.
    fn enter(&mut self, slot: &SlotName) -> Option<&mut Ask<Q, V, C>> {
        if self.find(slot).is_none() && self.asks.len() < MOST_SLOTS {
            self.asks.push(Ask { slot: slot.clone(), request: None, waiting: Vec::new(), kept: None });
        }
        self.find_mut(slot)
    }

    fn tidy(&mut self) {
        self.asks.retain(|ask| ask.request.is_some() || ask.kept.is_some() || !ask.waiting.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    type Numbers = Asks<u32, &'static str, ()>;

    fn slot(name: &str) -> SlotName {
        SlotName::parse(name).expect("valid")
    }

    #[test]
    fn one_request_answers_all_who_wait_for_its_slot() {
        let (mut asks, cart) = (Numbers::default(), slot("cart"));
        assert!(asks.is_free(&cart) && !asks.holds(&cart));
        assert_eq!(asks.wait(&cart, 1, 100, 1_100), None);
        let number = asks.send(&cart, 100, ());
        assert!(!asks.is_free(&cart) && asks.holds(&cart) && asks.is_free(&slot("other")));
        assert_eq!(asks.wait(&cart, 2, 300, 400), None);
        let settled = asks.settle(number).expect("it was under way");
        let waiting: Vec<_> = settled.waiting.iter().map(|waiting| (waiting.question, waiting.asked_at)).collect();
        assert_eq!((settled.slot, settled.sent_at, waiting), (cart.clone(), 100, vec![(1, 100), (2, 300)]));
        assert!(asks.settle(number).is_none() && asks.is_free(&cart) && asks.asks.is_empty());
    }

    #[test]
    fn an_answer_that_came_first_is_taken_once() {
        let (mut asks, cart) = (Numbers::default(), slot("cart"));
        let number = asks.send(&cart, 0, ());
        assert!(asks.settle(number).expect("under way").waiting.is_empty());
        asks.keep(&cart, "ten percent");
        assert!(asks.holds(&cart) && asks.next_due().is_none());
        assert_eq!((asks.take(&cart), asks.take(&cart)), (Some("ten percent"), None));
        assert!(!asks.holds(&cart));
    }

    #[test]
    fn whoever_waited_long_enough_is_answered_though_nothing_came() {
        let (mut asks, cart) = (Numbers::default(), slot("cart"));
        asks.wait(&cart, 1, 0, 500);
        asks.wait(&cart, 2, 0, 60_000);
        let number = asks.send(&cart, 0, ());
        assert_eq!((asks.next_due(), asks.overdue(499)), (Some(500), vec![]));
        assert_eq!((asks.overdue(500), asks.next_due()), (vec![1], Some(GIVEN_UP_MS)));
        assert_eq!((asks.overdue(GIVEN_UP_MS), asks.unsent()), (vec![], vec![cart]));
        assert!(asks.settle(number).is_none(), "an answer that comes after all is nobody's");
    }

    #[test]
    fn nothing_of_it_is_without_a_bound() {
        let mut asks = Numbers::default();
        for n in 0..200 {
            let given_back = asks.wait(&slot("cart"), n, 0, 1);
            assert_eq!(given_back.is_some(), n as usize >= MOST_WAITING);
        }
        for n in 0..200 {
            let name = slot(&format!("s{n}"));
            if asks.is_free(&name) {
                asks.send(&name, 0, ());
            }
        }
        assert_eq!(asks.asks.len(), MOST_SLOTS);
    }

    #[test]
    fn a_withdrawal_ends_every_request() {
        struct Cancel(Rc<Cell<u32>>);
        impl Drop for Cancel {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let ended = Rc::new(Cell::new(0));
        let mut asks: Asks<u32, &str, Cancel> = Asks::default();
        asks.wait(&slot("a"), 1, 0, 1_000);
        let number = asks.send(&slot("a"), 0, Cancel(ended.clone()));
        asks.send(&slot("b"), 0, Cancel(ended.clone()));
        asks.keep(&slot("c"), "kept");
        assert_eq!((asks.clear(), ended.get()), (vec![1], 2));
        assert!(asks.settle(number).is_none() && !asks.holds(&slot("c")));
    }
}
