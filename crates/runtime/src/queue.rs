//! What waits to be sent: bounded, in memory, and open only to what the gate has let through ([`Consented`], invariant I1).

use waver_core::consent::{Consented, Gate, Purpose};
use waver_schema::limits::{BATCH_BYTES, EVENTS_PER_BATCH};
use waver_schema::{DropCause, Event, EventBody};

use crate::wire;

/// Most events that wait. A busy minute makes a few dozen, so this bridges some minutes without a collector.
const CAPACITY: usize = 256;
/// Bytes kept free in a batch for what is around its events.
const ENVELOPE_BYTES: usize = 512;
/// Most attempts to send one parcel.
const MOST_ATTEMPTS: u32 = 10;
/// Parcels that may be on the way at once, when a page goes: together they stay within the 64 KiB that browsers grant `keepalive`.
const MOST_ON_THE_WAY: usize = 64 * 1024 / BATCH_BYTES;

/// Events in the order of their happening, then in parcels of a batch each.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Vec<Waiting>,
    parcels: Vec<Parcel>,
    dropped: [u32; DropCause::ALL.len()],
}

#[derive(Debug)]
struct Waiting {
    t: u64,
    body: Consented<EventBody>,
}

/// The events of one batch, numbered and written down. They stay so until the collector has them: it knows a repetition by its numbers.
#[derive(Debug)]
struct Parcel {
    first_seq: u64,
    count: u32,
    /// A JSON array.
    events: Consented<String>,
    attempts: u32,
    on_the_way: bool,
}

/// A parcel as it crosses a page load.
pub(crate) type Packed = (u64, u32, String);

/// What became of a parcel that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The collector has it for good.
    Stored,
    /// Not this time.
    Later,
    /// Never.
    Refused,
}

impl Queue {
    /// Takes an event in, or counts it as dropped if there is no room.
    pub(crate) fn push(&mut self, t: u64, body: Consented<EventBody>) {
        if self.waiting.len() < CAPACITY {
            self.waiting.push(Waiting { t, body });
        } else {
            self.count_dropped(DropCause::QueueFull, 1);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Queue::default();
    }

    /// Whether something waits that is not on its way.
    pub(crate) fn has_something_to_send(&self) -> bool {
        !self.waiting.is_empty() || self.has_packed()
    }

    /// Whether a parcel is packed that is not on its way.
    pub(crate) fn has_packed(&self) -> bool {
        self.parcels.iter().any(|parcel| !parcel.on_the_way)
    }

    /// Whether a batch is full, so that waiting any longer gains nothing.
    pub(crate) fn has_full_batch(&self) -> bool {
        self.waiting.len() >= EVENTS_PER_BATCH
    }

    /// The next parcel to send, as its first number and its JSON array. With `all`, also while others are on their way.
    ///
    /// What the gate does not release any more is gone. `seq` is the next free number, `t` the time of what this adds itself.
    pub(crate) fn send_next(&mut self, gate: &Gate, all: bool, t: u64, seq: &mut u64) -> Option<(u64, String)> {
        self.parcels.retain(|parcel| gate.release(parcel.events.clone()).is_some());
        let on_the_way = self.parcels.iter().filter(|parcel| parcel.on_the_way).count();
        if on_the_way >= if all { MOST_ON_THE_WAY } else { 1 } {
            return None;
        }
        if self.parcels.len() == on_the_way {
            self.pack(gate, t, seq);
        }
        let parcel = self.parcels.iter_mut().find(|parcel| !parcel.on_the_way)?;
        let events = gate.release(parcel.events.clone())?;
        parcel.on_the_way = true;
        parcel.attempts += 1;
        Some((parcel.first_seq, events))
    }

    /// Says what became of a parcel, and how often it has been tried by now.
    pub(crate) fn settle(&mut self, first_seq: u64, fate: Fate) -> u32 {
        let Some(index) = self.parcels.iter().position(|parcel| parcel.first_seq == first_seq) else { return 0 };
        let parcel = &mut self.parcels[index];
        let (attempts, count) = (parcel.attempts, parcel.count);
        parcel.on_the_way = false;
        let given_up = match fate {
            Fate::Stored => None,
            Fate::Later if attempts < MOST_ATTEMPTS => return attempts,
            Fate::Later => Some(DropCause::Unreachable),
            Fate::Refused => Some(DropCause::Refused),
        };
        self.parcels.remove(index);
        if let Some(cause) = given_up {
            self.count_dropped(cause, count);
        }
        attempts
    }

    /// Everything that is not known to be stored, in parcels, for the next page.
    pub(crate) fn hand_over(&mut self, gate: &Gate, t: u64, seq: &mut u64) -> Vec<Packed> {
        while self.pack(gate, t, seq) {}
        let parcels = self.parcels.iter();
        parcels
            .filter_map(|parcel| Some((parcel.first_seq, parcel.count, gate.release(parcel.events.clone())?)))
            .collect()
    }

    /// Takes over what an earlier page of the session could not see stored.
    pub(crate) fn take_over(&mut self, gate: &Gate, packed: Vec<Packed>) {
        self.parcels.extend(packed.into_iter().filter_map(|(first_seq, count, events)| {
            let events = gate.permit(Purpose::Measure, events)?;
            Some(Parcel { first_seq, count, events, attempts: 0, on_the_way: false })
        }));
    }

    /// Makes a parcel of what waits. Says whether there was anything.
    fn pack(&mut self, gate: &Gate, t: u64, seq: &mut u64) -> bool {
        for (cause, count) in DropCause::ALL.iter().zip(&mut self.dropped) {
            if *count > 0
                && let Some(body) = gate.permit(Purpose::Measure, EventBody::Dropped { cause: *cause, count: *count })
            {
                *count = 0;
                self.waiting.push(Waiting { t, body });
            }
        }
        let (first_seq, mut count, mut taken, mut events) = (*seq, 0, 0, String::new());
        for Waiting { t, body } in &self.waiting {
            if let Some(body) = gate.release(body.clone()) {
                let event = wire::json(&Event { seq: *seq, t: *t, body });
                if count == EVENTS_PER_BATCH || count > 0 && events.len() + event.len() + ENVELOPE_BYTES > BATCH_BYTES {
                    break;
                }
                events.push(if count == 0 { '[' } else { ',' });
                events.push_str(&event);
                *seq += 1;
                count += 1;
            }
            taken += 1;
        }
        self.waiting.drain(..taken);
        if count == 0 {
            return false;
        }
        events.push(']');
        if let Some(events) = gate.permit(Purpose::Measure, events) {
            let count = count as u32;
            self.parcels.push(Parcel { first_seq, count, events, attempts: 0, on_the_way: false });
        }
        true
    }

    fn count_dropped(&mut self, cause: DropCause, count: u32) {
        let dropped = &mut self.dropped[cause as usize];
        *dropped = dropped.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waver_core::consent::Reading;
    use waver_schema::{ConsentChoice, ConsentSource, Feature, HesitationKind, Milli, PageType, Reason, Stage, Trend};

    fn open_gate() -> Gate {
        let mut gate = Gate::new();
        gate.read(ConsentSource::PageCall, Some(Reading::all(ConsentChoice::Granted)));
        gate
    }

    fn intent(n: u16) -> EventBody {
        let p_buy_milli = Milli::try_from(u64::from(n)).expect("in range");
        EventBody::Intent { p_buy_milli, p_leave_milli: Milli::default(), stage: Stage::Low, trend: Trend::Flat }
    }

    fn push(queue: &mut Queue, gate: &Gate, count: u16) {
        for n in 0..count {
            queue.push(u64::from(n), gate.permit(Purpose::Measure, intent(n)).expect("granted"));
        }
    }

    fn large() -> EventBody {
        let reason = Reason { feature: Feature::ScrollReversals, value_milli: i64::MAX, weight_milli: i32::MIN };
        EventBody::Hesitation {
            kind: HesitationKind::ScrollOscillation,
            zone: None,
            page: PageType::Confirmation,
            score_milli: Milli::ONE,
            confidence_milli: Milli::ONE,
            since_ms: u32::MAX,
            reasons: vec![reason; 3],
        }
    }

    fn events(json: &str) -> Vec<Event> {
        serde_json::from_str(json).expect("an array of events")
    }

    #[test]
    fn a_full_queue_counts_what_it_drops_and_tells() {
        let (gate, mut queue, mut seq) = (open_gate(), Queue::default(), 1);
        push(&mut queue, &gate, 300);
        let mut sent = Vec::new();
        while let Some((first_seq, json)) = queue.send_next(&gate, false, 999, &mut seq) {
            sent.extend(events(&json));
            queue.settle(first_seq, Fate::Stored);
        }
        assert_eq!(sent.len(), CAPACITY + 1);
        assert!(sent.iter().map(|event| event.seq).eq(1..=257));
        assert_eq!(sent[256].body, EventBody::Dropped { cause: DropCause::QueueFull, count: 44 });
        assert_eq!(sent[256].t, 999);
    }

    #[test]
    fn batches_keep_within_both_limits() {
        let (gate, mut queue, mut seq) = (open_gate(), Queue::default(), 1);
        push(&mut queue, &gate, 100);
        assert!(queue.has_full_batch());
        let (_, small) = queue.send_next(&gate, false, 0, &mut seq).expect("a parcel");
        assert_eq!(events(&small).len(), EVENTS_PER_BATCH);

        let (mut queue, mut seq) = (Queue::default(), 1);
        for _ in 0..100 {
            queue.push(0, gate.permit(Purpose::Measure, large()).expect("granted"));
        }
        let (_, large) = queue.send_next(&gate, false, 0, &mut seq).expect("a parcel");
        assert!(large.len() + ENVELOPE_BYTES <= BATCH_BYTES, "{}", large.len());
        assert!((30..EVENTS_PER_BATCH).contains(&events(&large).len()), "{}", events(&large).len());
    }

    #[test]
    fn one_parcel_is_on_its_way_and_several_only_when_the_page_goes() {
        let (gate, mut queue, mut seq) = (open_gate(), Queue::default(), 1);
        push(&mut queue, &gate, 256);
        let next = |queue: &mut Queue, all, seq: &mut u64| queue.send_next(&gate, all, 0, seq);
        assert!(next(&mut queue, false, &mut seq).is_some());
        assert_eq!(next(&mut queue, false, &mut seq), None);
        let more = std::iter::from_fn(|| next(&mut queue, true, &mut seq)).count();
        assert_eq!(more, MOST_ON_THE_WAY - 1);
    }

    #[test]
    fn a_parcel_is_sent_again_with_the_same_numbers_until_it_is_given_up() {
        let (gate, mut queue, mut seq) = (open_gate(), Queue::default(), 1);
        push(&mut queue, &gate, 3);
        let (first_seq, json) = queue.send_next(&gate, false, 0, &mut seq).expect("a parcel");
        assert_eq!(queue.settle(first_seq, Fate::Later), 1);
        push(&mut queue, &gate, 2);
        for _ in 1..MOST_ATTEMPTS {
            assert_eq!(queue.send_next(&gate, false, 0, &mut seq), Some((first_seq, json.clone())));
            queue.settle(first_seq, Fate::Later);
        }
        let (_, next) = queue.send_next(&gate, false, 0, &mut seq).expect("the others");
        let bodies: Vec<EventBody> = events(&next).into_iter().map(|event| event.body).collect();
        assert_eq!(bodies.last(), Some(&EventBody::Dropped { cause: DropCause::Unreachable, count: 3 }));
    }

    #[test]
    fn nothing_outlives_a_withdrawal() {
        let (mut gate, mut queue, mut seq) = (open_gate(), Queue::default(), 1);
        push(&mut queue, &gate, 70);
        let (first_seq, _) = queue.send_next(&gate, false, 0, &mut seq).expect("a parcel");
        queue.settle(first_seq, Fate::Later);
        gate.read(ConsentSource::PageCall, Some(Reading::all(ConsentChoice::Denied)));
        assert_eq!(queue.send_next(&gate, true, 0, &mut seq), None);
        gate.read(ConsentSource::PageCall, Some(Reading::all(ConsentChoice::Granted)));
        assert_eq!(queue.send_next(&gate, true, 0, &mut seq), None);
        assert_eq!(queue.hand_over(&gate, 0, &mut seq), Vec::new());
    }

    #[test]
    fn what_is_not_known_to_be_stored_crosses_a_page_load() {
        let (gate, mut queue, mut seq) = (open_gate(), Queue::default(), 1);
        push(&mut queue, &gate, 70);
        let sent = queue.send_next(&gate, false, 0, &mut seq).expect("a parcel");
        let packed = queue.hand_over(&gate, 0, &mut seq);
        assert_eq!((packed.len(), seq), (2, 71));
        let mut next_page = Queue::default();
        next_page.take_over(&gate, packed);
        assert_eq!(next_page.send_next(&gate, false, 0, &mut seq), Some(sent));
    }
}
