//! What one tab knows of its shopper: consent, engine, session, queue. Pure, so that the rules of consent can be tested without a browser:
//! time and randomness are handed in, and nothing here calls the page, which could call back.

use waver_core::consent::{Consented, Gate, GateChange, Purpose, PurposeSet, PurposeState, Reading};
use waver_core::intent::History;
use waver_core::{Effect, Engine, Signal, SignalKind};
use waver_schema::{
    ConsentChoice, ConsentRecord, ConsentSource, DecisionRequest, EventBody, Locale, SessionId, SiteKey, SlotName,
};

use crate::clock::SessionClock;
use crate::queue::{Fate, Queue};
use crate::session::{HandOver, Session, has_ended};

/// The state of a tab.
#[derive(Debug)]
pub(crate) struct Visit {
    site: SiteKey,
    gate: Gate,
    // In boxes, since what is given back to the allocator is wiped, and what is overwritten by nothing is not.
    watch: Option<Box<Watch>>,
    session: Option<Box<Session>>,
    queue: Queue,
    turn: u32,
    /// The artifact that scores intent; empty if there is none.
    model: Vec<u8>,
}

/// The engine at work: with consent, or without it and for the page alone.
#[derive(Debug)]
struct Watch {
    engine: Engine,
    clock: SessionClock,
    last_sign: u64,
}

/// A batch that may leave now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dispatch {
    pub(crate) turn: u32,
    pub(crate) session: SessionId,
    pub(crate) epoch: u32,
    /// Names the parcel when its fate is known.
    pub(crate) first_seq: u64,
    /// A JSON array.
    pub(crate) events: String,
}

impl Visit {
    pub(crate) fn new(site: SiteKey) -> Visit {
        Visit {
            site,
            gate: Gate::new(),
            watch: None,
            session: None,
            queue: Queue::default(),
            turn: 0,
            model: Vec::new(),
        }
    }

    /// Engines score intent by this artifact from the next session on, where they can read it; else by rules, which their scores say.
    pub(crate) fn predict_by(&mut self, model: Vec<u8>) {
        self.model = model;
    }

    /// Which period between two changes of consent or session this is. An answer to a question of another turn is void.
    pub(crate) fn turn(&self) -> u32 {
        self.turn
    }

    pub(crate) fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    pub(crate) fn is_granted(&self, purpose: Purpose) -> bool {
        self.gate.is_granted(purpose)
    }

    pub(crate) fn choice(&self, purpose: Purpose) -> ConsentChoice {
        self.gate.choice(purpose)
    }

    pub(crate) fn state(&self, purpose: Purpose) -> PurposeState {
        self.gate.state(purpose)
    }

    pub(crate) fn granted(&self) -> PurposeSet {
        self.gate.granted()
    }

    /// What the session stands on: what is granted, or was when a dialogue opened that is still open.
    pub(crate) fn stands(&self) -> PurposeSet {
        self.gate.stands()
    }

    pub(crate) fn deciding_source(&self) -> Option<ConsentSource> {
        self.gate.deciding_source()
    }

    pub(crate) fn readings(&self) -> Vec<(ConsentSource, Reading)> {
        self.gate.readings().collect()
    }

    pub(crate) fn denies(&self, source: ConsentSource) -> bool {
        self.gate.denies(source)
    }

    /// Takes what the sources say at one moment. What was permitted before a change is void at once.
    pub(crate) fn read(&mut self, readings: impl IntoIterator<Item = (ConsentSource, Option<Reading>)>) -> GateChange {
        let change = self.gate.read_all(readings);
        if change != GateChange::Unchanged {
            self.turn = self.turn.wrapping_add(1);
            self.queue.clear();
        }
        change
    }

    /// Watches from here on with every counter at zero, whatever was seen before (no retroactivity).
    pub(crate) fn watch_afresh(&mut self, now: u64) {
        self.watch(Engine::new(), 0, now);
    }

    fn watch(&mut self, mut engine: Engine, t: u64, now: u64) {
        // What it cannot read changes nothing: scores go on by rules.
        let _ = engine.predict_by(&self.model);
        self.watch = Some(Box::new(Watch { engine, clock: SessionClock::showing(t, now), last_sign: t }));
    }

    /// Begins a session after a grant: goes on with the one that an earlier page handed over, or starts afresh under `id`. Says whether it goes
    /// on, which it never does under another grant than its own.
    pub(crate) fn begin(&mut self, handed: Option<HandOver>, id: SessionId, now: u64, wall: u64) -> bool {
        self.turn = self.turn.wrapping_add(1);
        self.queue.clear();
        let granted = self.granted_pair();
        let same_grant = handed.filter(|handed| handed.granted == granted);
        let goes_on = same_grant.and_then(|handed| Some((handed.resume_at(wall)?, handed)));
        let Some((t, handed)) = goes_on else {
            self.watch_afresh(now);
            self.session = Some(Box::new(Session::new(id)));
            return false;
        };
        let id = SessionId::from_bytes(handed.id);
        let HandOver { epoch, next_seq, standing, .. } = handed;
        self.session = Some(Box::new(Session { id, epoch, next_seq, standing }));
        self.watch(Engine::restore(handed.engine), t, now);
        self.queue.take_over(&self.gate, handed.parcels);
        true
    }

    /// What earlier sessions left for a session that has just begun, and how many hours ago the last of them was.
    pub(crate) fn remember(&mut self, history: History, hours_away: f64) {
        if let Some(watch) = &mut self.watch {
            watch.engine.remember(history, hours_away);
        }
    }

    /// What this session and those before it leave for later ones, if that may be kept.
    pub(crate) fn history(&self) -> Option<History> {
        let kept = self.session.is_some() && self.gate.is_granted(Purpose::Personalize);
        self.engine().filter(|_| kept).map(Engine::history)
    }

    /// The collector does not know the grant: it has to number it anew.
    pub(crate) fn renew_grant(&mut self) {
        if let Some(session) = &mut self.session {
            session.epoch = None;
        }
    }

    /// Ends session and watch, and forgets what they knew. Gives the session's name for the withdrawal.
    pub(crate) fn end(&mut self) -> Option<SessionId> {
        self.turn = self.turn.wrapping_add(1);
        self.queue.clear();
        self.watch = None;
        self.session.take().map(|session| session.id)
    }

    /// What the collector has to know of the grant, if it has not been told yet, and the turn it belongs to.
    pub(crate) fn grant_to_record(&self) -> Option<(u32, ConsentRecord)> {
        let session = self.session.as_ref().filter(|session| session.epoch.is_none() && self.gate.is_open())?;
        Some((self.turn, self.consent_record(session.id)))
    }

    /// The choice as it stands, on record under `session`.
    pub(crate) fn consent_record(&self, session: SessionId) -> ConsentRecord {
        let source = self.gate.deciding_source().unwrap_or(ConsentSource::PageCall);
        let choices = [Purpose::Measure, Purpose::Personalize].map(|purpose| self.choice(purpose));
        ConsentRecord::new(self.site.clone(), session, choices, source)
    }

    /// The collector has the grant and numbered it.
    pub(crate) fn admit(&mut self, epoch: u32) {
        if let Some(session) = &mut self.session {
            session.epoch = Some(epoch);
        }
    }

    /// Whether the session has ended by idleness or age, so that a new one has to begin before the next signal.
    pub(crate) fn has_ended(&self, at: u64) -> bool {
        let Some(watch) = &self.watch else { return false };
        has_ended(watch.clock.at(at), watch.last_sign)
    }

    /// Takes in what a sensor saw at `at`, milliseconds of the page. Records go to the queue by way of the gate; the rest comes back.
    pub(crate) fn observe(&mut self, kind: SignalKind, at: u64) -> Vec<Effect> {
        if self.is_paused() {
            return Vec::new();
        }
        let Some(watch) = &mut self.watch else { return Vec::new() };
        let t = watch.clock.at(at);
        if kind.is_sign_of_life() {
            watch.last_sign = t;
        }
        let mut told = Vec::new();
        for effect in watch.engine.observe(&Signal { t, kind }) {
            match effect {
                Effect::Record(body) => {
                    if let Some(body) = self.gate.permit(Purpose::Measure, body) {
                        self.queue.push(t, body);
                    }
                }
                other => told.push(other),
            }
        }
        told
    }

    /// Queues an event that no signal made, if it may be measured.
    pub(crate) fn record(&mut self, body: EventBody, at: u64) {
        let Some(watch) = &self.watch else { return };
        if let Some(body) = self.gate.permit(Purpose::Measure, body) {
            self.queue.push(watch.clock.at(at), body);
        }
    }

    /// When the engine wants a tick if nothing else happens, milliseconds of the page.
    pub(crate) fn wake_at(&self) -> Option<u64> {
        let watch = self.watch.as_ref()?;
        watch.engine.wake_at().map(|t| watch.clock.page_time(t))
    }

    /// The engine, if it is at work.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.watch.as_ref().map(|watch| &watch.engine)
    }

    pub(crate) fn has_something_to_send(&self) -> bool {
        self.session.is_some() && self.queue.has_something_to_send()
    }

    pub(crate) fn has_packed(&self) -> bool {
        self.queue.has_packed()
    }

    pub(crate) fn has_full_batch(&self) -> bool {
        self.queue.has_full_batch()
    }

    /// The next batch that may leave, if the collector knows the grant.
    pub(crate) fn dispatch(&mut self, all: bool, now: u64) -> Option<Dispatch> {
        let session = self.session.as_mut()?;
        let epoch = session.epoch?;
        let t = self.watch.as_ref()?.clock.at(now);
        let (first_seq, events) = self.queue.send_next(&self.gate, all, t, &mut session.next_seq)?;
        Some(Dispatch { turn: self.turn, session: session.id, epoch, first_seq, events })
    }

    /// Says what became of a batch, and how often it has been tried. `None` if it belongs to another turn.
    pub(crate) fn settle(&mut self, turn: u32, first_seq: u64, fate: Fate) -> Option<u32> {
        (self.turn == turn).then(|| self.queue.settle(first_seq, fate))
    }

    /// A question for the collector: may something be offered? Only under a grant that it knows.
    pub(crate) fn ask(&self, slot: SlotName, locale: Option<Locale>) -> Option<(u32, Consented<DecisionRequest>)> {
        let session = self.session.as_ref()?;
        let engine = self.engine()?;
        let request = DecisionRequest {
            site: self.site.clone(),
            session: session.id,
            consent_epoch: session.epoch?,
            slot,
            features: engine.decision_features(),
            cart: engine.cart(),
            page: engine.page(),
            item: engine.item(),
            items: engine.cart_items().to_vec(),
            locale,
            visitor: None,
        };
        Some((self.turn, self.gate.permit(Purpose::Personalize, request)?))
    }

    /// An offer stands in `slot` until `until`, milliseconds of the page; none does if it is `None`.
    pub(crate) fn set_standing(&mut self, slot: &SlotName, until: Option<u64>) {
        let (Some(session), Some(watch)) = (&mut self.session, &self.watch) else { return };
        match until {
            Some(until) => session.standing = Some((slot.clone(), watch.clock.at(until))),
            None => drop(session.standing.take_if(|(standing, _)| standing == slot)),
        }
    }

    /// The slot in which an offer stood last, if it still does at `now`.
    pub(crate) fn standing(&self, now: u64) -> Option<SlotName> {
        let (slot, until) = self.session.as_ref()?.standing.as_ref()?;
        (self.watch.as_ref()?.clock.at(now) < *until).then(|| slot.clone())
    }

    /// Releases a question just before it leaves.
    pub(crate) fn release<T>(&self, consented: Consented<T>) -> Option<T> {
        self.gate.release(consented)
    }

    /// What the next page of the tab needs to go on; `None` without a session.
    pub(crate) fn hand_over(&mut self, now: u64, wall: u64) -> Option<HandOver> {
        let stands = self.gate.stands();
        let granted = (stands.measure, stands.personalize);
        let session = self.session.as_mut()?;
        let watch = self.watch.as_ref()?;
        let t = watch.clock.at(now);
        let parcels = self.queue.hand_over(&self.gate, t, &mut session.next_seq);
        Some(HandOver {
            id: *session.id.as_bytes(),
            epoch: session.epoch,
            granted,
            next_seq: session.next_seq,
            standing: session.standing.clone(),
            t,
            last_sign: watch.last_sign,
            wall,
            parcels,
            engine: watch.engine.snapshot(),
        })
    }

    /// Whether there is a session.
    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Whether a source's dialogue is open, so that nothing is looked at.
    fn is_paused(&self) -> bool {
        !self.gate.is_open() && !self.gate.stands().is_empty()
    }

    fn granted_pair(&self) -> (bool, bool) {
        let PurposeSet { measure, personalize } = self.gate.granted();
        (measure, personalize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waver_schema::limits::SESSION_IDLE_MS;
    use waver_schema::{DeviceClass, Navigation, PageType, Referrer};

    const ID: SessionId = SessionId::from_bytes([7; 16]);

    fn visit() -> Visit {
        Visit::new(SiteKey::parse("demo").expect("valid"))
    }

    fn say(visit: &mut Visit, measure: ConsentChoice, personalize: ConsentChoice) -> GateChange {
        visit.read([(ConsentSource::PageCall, Some(Reading::new(measure, personalize)))])
    }

    fn grant(visit: &mut Visit) {
        assert_eq!(say(visit, ConsentChoice::Granted, ConsentChoice::Granted), GateChange::Opened);
    }

    fn view() -> SignalKind {
        let (navigation, referrer, device) = (Navigation::Load, Referrer::Direct, DeviceClass::Mouse);
        SignalKind::View { page: PageType::Product, navigation, referrer, device, item: None }
    }

    fn slot() -> SlotName {
        SlotName::parse("product").expect("valid")
    }

    #[test]
    fn nothing_is_sent_or_asked_before_the_grant_is_on_record() {
        let mut visit = visit();
        visit.watch_afresh(0);
        visit.observe(view(), 10);
        assert_eq!(visit.dispatch(true, 20), None);
        grant(&mut visit);
        visit.begin(None, ID, 1_000, 0);
        visit.observe(view(), 1_100);
        assert_eq!(visit.dispatch(true, 1_200), None);
        assert!(visit.ask(slot(), None).is_none());
        visit.admit(3);
        let dispatch = visit.dispatch(true, 1_200).expect("a batch");
        assert_eq!((dispatch.session, dispatch.epoch, dispatch.first_seq), (ID, 3, 1));
        assert!(visit.ask(slot(), None).is_some());
    }

    #[test]
    fn what_was_seen_before_the_grant_neither_leaves_nor_counts() {
        let mut visit = visit();
        visit.watch_afresh(0);
        visit.observe(view(), 10);
        visit.observe(SignalKind::click(None), 500);
        grant(&mut visit);
        visit.begin(None, ID, 1_000, 0);
        visit.observe(view(), 1_250);
        visit.admit(1);
        let dispatch = visit.dispatch(true, 1_300).expect("a batch");
        assert!(
            dispatch.events.contains(r#""t":250"#) && !dispatch.events.contains("engagement"),
            "{}",
            dispatch.events
        );
        let features = visit.engine().expect("at work").features();
        assert_eq!(features.get(waver_schema::Feature::Clicks), 0.0);
    }

    #[test]
    fn a_withdrawal_voids_session_queue_and_answers() {
        let mut visit = visit();
        grant(&mut visit);
        visit.begin(None, ID, 0, 0);
        visit.admit(1);
        visit.observe(view(), 10);
        let (turn, question) = visit.ask(slot(), None).expect("granted");
        assert_eq!(say(&mut visit, ConsentChoice::Denied, ConsentChoice::Denied), GateChange::Closed);
        assert_eq!(visit.end(), Some(ID));
        assert!(visit.release(question).is_none());
        assert_eq!(visit.settle(turn, 1, Fate::Later), None);
        assert_eq!(visit.dispatch(true, 20), None);
        assert_eq!(visit.hand_over(20, 0), None);
        visit.observe(view(), 30);
        assert!(!visit.has_something_to_send());
    }

    #[test]
    fn measuring_alone_asks_for_no_offer_and_offers_alone_send_no_event() {
        let mut visit = visit();
        say(&mut visit, ConsentChoice::Granted, ConsentChoice::Denied);
        visit.begin(None, ID, 0, 0);
        visit.admit(1);
        assert!(visit.ask(slot(), None).is_none());
        assert_eq!(say(&mut visit, ConsentChoice::Denied, ConsentChoice::Granted), GateChange::Narrowed);
        visit.observe(view(), 10);
        assert_eq!(visit.dispatch(true, 20), None);
        assert!(visit.ask(slot(), None).is_some());
    }

    fn handed_over() -> HandOver {
        let mut visit = visit();
        grant(&mut visit);
        visit.begin(None, ID, 0, 0);
        visit.admit(4);
        visit.observe(view(), 100);
        visit.hand_over(5_000, 1_000_000).expect("a session")
    }

    #[test]
    fn the_next_page_goes_on_with_time_numbers_and_grant() {
        let mut visit = visit();
        grant(&mut visit);
        assert!(visit.begin(Some(handed_over()), SessionId::from_bytes([9; 16]), 30, 1_000_700));
        visit.observe(view(), 130);
        let first = visit.dispatch(false, 200).expect("what the last page left");
        assert_eq!((first.session, first.epoch, first.first_seq), (ID, 4, 1));
        visit.settle(first.turn, first.first_seq, Fate::Stored);
        let second = visit.dispatch(false, 200).expect("what this page saw");
        assert!(second.first_seq == 2 && second.events.contains(r#""t":5800"#), "{second:?}");
    }

    #[test]
    fn an_offer_stands_until_its_end_on_whatever_page() {
        let mut visit = visit();
        grant(&mut visit);
        visit.begin(None, ID, 0, 0);
        assert_eq!(visit.standing(0), None);
        visit.set_standing(&slot(), Some(60_000));
        assert_eq!((visit.standing(59_999), visit.standing(60_000)), (Some(slot()), None));
        let handed = visit.hand_over(5_000, 1_000_000).expect("a session");
        let mut next = self::visit();
        grant(&mut next);
        // The next page begins 700 ms later, and its clock at zero.
        assert!(next.begin(Some(handed), ID, 0, 1_000_700));
        assert_eq!((next.standing(54_299), next.standing(54_300)), (Some(slot()), None));
        next.set_standing(&SlotName::parse("other").expect("valid"), None);
        assert_eq!(next.standing(0), Some(slot()));
        next.set_standing(&slot(), None);
        assert_eq!(next.standing(0), None);
    }

    #[test]
    fn neither_another_grant_nor_half_an_hour_goes_on_with_a_session() {
        let other = SessionId::from_bytes([9; 16]);
        let begun_anew = |visit: &Visit| visit.grant_to_record().map(|(_, record)| record.session);
        let mut visit = visit();
        say(&mut visit, ConsentChoice::Granted, ConsentChoice::Denied);
        assert!(!visit.begin(Some(handed_over()), other, 0, 1_000_700));
        assert_eq!(begun_anew(&visit), Some(other));
        grant_more(&mut visit);
        assert!(!visit.begin(Some(handed_over()), other, 0, 1_000_000 + SESSION_IDLE_MS));
        assert_eq!(begun_anew(&visit), Some(other));
    }

    fn grant_more(visit: &mut Visit) {
        assert_eq!(say(visit, ConsentChoice::Granted, ConsentChoice::Granted), GateChange::Widened);
    }

    #[test]
    fn while_a_dialogue_is_open_nothing_is_looked_at_and_the_session_waits() {
        let mut visit = visit();
        grant(&mut visit);
        visit.begin(None, ID, 0, 0);
        visit.admit(1);
        visit.observe(view(), 10);
        let tcf = |reading| [(ConsentSource::Tcf, Some(reading))];
        assert_eq!(visit.read(tcf(Reading::PAUSED)), GateChange::Paused);
        assert!(visit.observe(SignalKind::click(None), 20).is_empty());
        assert!(visit.dispatch(true, 30).is_none() && visit.ask(slot(), None).is_none() && visit.has_session());
        assert_eq!(visit.hand_over(30, 0).map(|handed| handed.granted), Some((true, true)));
        assert_eq!(visit.read(tcf(Reading::all(ConsentChoice::Granted))), GateChange::Resumed);
        let clicks = |visit: &Visit| visit.engine().expect("at work").features().get(waver_schema::Feature::Clicks);
        assert_eq!(clicks(&visit), 0.0);
        visit.observe(SignalKind::click(None), 40);
        assert_eq!(clicks(&visit), 1.0);
        visit.read(tcf(Reading::PAUSED));
        assert_eq!(visit.read(tcf(Reading::all(ConsentChoice::Denied))), GateChange::Closed);
        assert_eq!(visit.end(), Some(ID), "there is a session to erase");
    }

    #[test]
    fn a_session_ends_after_half_an_hour_without_a_sign_of_life() {
        let mut visit = visit();
        grant(&mut visit);
        visit.begin(None, ID, 0, 0);
        visit.observe(view(), 1_000);
        visit.observe(SignalKind::Tick, 60_000);
        assert!(!visit.has_ended(1_000 + SESSION_IDLE_MS - 1));
        assert!(visit.has_ended(1_000 + SESSION_IDLE_MS));
    }
}
