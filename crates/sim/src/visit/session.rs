use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};
use waver_core::consent::{Gate, Purpose, Reading};
use waver_core::{Effect, Engine, Signal, SignalKind};
use waver_schema::{
    CommerceAction, ConsentAnswer, ConsentChoice, ConsentSource, Decision, DecisionId, DecisionRequest, EventBody,
    Locale, OfferAction, PageType, SiteKey, SlotName,
};

use super::collector::{Answer, MOST_ATTEMPTS, Refused, ask, wait};
use super::consent::{consent_record, put_on_record};
use super::outbox::{Outbox, Sender};
use super::shopper::{Choice, Shopper};
use super::tally::{Count, Tally};
use super::transport::{Route, Transport};
use crate::Stop;
use crate::shopper::{Beat, Dice, Script};

/// A page does not wait longer than this for an offer.
const OFFER_PATIENCE: Duration = Duration::from_secs(2);
/// Once told to stop, a shopper tries no longer than this to deliver what it has.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What all shoppers share.
#[derive(Debug)]
pub struct World<T> {
    pub(super) transport: T,
    pub(super) site: SiteKey,
    pub(super) tally: Arc<Tally>,
    speed: f64,
    pub(super) run: u64,
}

impl<T: Transport> World<T> {
    /// For shoppers of `site`, who live `speed` times as fast as people. `run` names their sessions apart from those of another run of the
    /// same seed, whose events the same collector would take for duplicates.
    pub fn new(transport: T, site: SiteKey, tally: Arc<Tally>, speed: f64, run: u64) -> World<T> {
        World { transport, site, tally, speed, run }
    }
}

/// Lets a shopper visit the shop until it is done, or until `stop` says so; then it delivers what it has and leaves.
///
/// The session's times on the wire are those of the collector's clock, so that event time stays true at any speed; between the shopper and
/// the engine time is the shopper's.
///
/// # Errors
/// [`Refused`] if the collector does not take this site's shoppers at all.
pub async fn visit<T: Transport>(world: &World<T>, mut shopper: Shopper, mut stop: Stop) -> Result<(), Refused> {
    let _present = world.tally.enter();
    let mut gate = Gate::new();
    gate.read(ConsentSource::PageCall, Some(shopper.choice.reading()));
    let sender = if gate.is_open() {
        match put_on_record(world, &mut shopper, &gate, &mut stop).await? {
            Some(sender) => Some(sender),
            None => return Ok(()),
        }
    } else {
        world.tally.add(Count::Refusals, 1);
        None
    };
    let session = Session {
        world,
        gate,
        sender,
        engine: Engine::new(),
        outbox: Outbox::default(),
        network: shopper.network,
        begun: Instant::now(),
        stop,
        exposed: None,
        seen: HashSet::new(),
        answered: HashSet::new(),
    };
    session.live(shopper.script, shopper.choice).await;
    Ok(())
}

struct Session<'a, T> {
    world: &'a World<T>,
    gate: Gate,
    /// Absent without consent.
    sender: Option<Sender>,
    engine: Engine,
    outbox: Outbox,
    network: Dice,
    begun: Instant,
    stop: Stop,
    /// The offer on the page.
    exposed: Option<DecisionId>,
    /// The offers that were on any page. One that stands is on page after page, and counts once.
    seen: HashSet<DecisionId>,
    /// The offers that were taken or closed, and are not shown again although the collector may not know yet.
    answered: HashSet<DecisionId>,
}

impl<T: Transport> Session<'_, T> {
    async fn live(mut self, mut script: Script, choice: Choice) {
        let mut broken_off = false;
        while let Some(beat) = script.next() {
            self.tick_until(beat.t(), &mut script).await;
            self.wait_until(beat.t()).await;
            if self.stop.is_told() && !broken_off {
                broken_off = true;
                script.break_off(self.now());
                continue;
            }
            if matches!(choice, Choice::Withdraw(after) if beat.t() >= after) && self.gate.is_open() {
                self.withdraw().await;
            }
            match beat {
                Beat::Signal(signal) => self.observe(signal, &mut script).await,
                Beat::Offer { t, action } => self.answer_offer(t, action).await,
            }
            if self.outbox.is_due(self.wire(beat.t())) {
                self.send().await;
            }
        }
        self.deliver().await;
    }

    /// The engine asks to be woken where nothing happens; a page has timers for that.
    async fn tick_until(&mut self, t: u64, script: &mut Script) {
        let mut last = None;
        while let Some(at) = self.engine.wake_at().filter(|at| *at < t && last.is_none_or(|last| *at > last)) {
            last = Some(at);
            self.wait_until(at).await;
            if self.stop.is_told() {
                return;
            }
            self.observe(Signal { t: at, kind: SignalKind::Tick }, script).await;
        }
    }

    async fn observe(&mut self, signal: Signal, script: &mut Script) {
        if matches!(signal.kind, SignalKind::View { .. }) {
            self.exposed = None;
        }
        for effect in self.engine.observe(&signal) {
            match effect {
                Effect::Record(body) => self.record(signal.t, body),
                Effect::Hesitation(_) | Effect::Frustration(_) => self.seek_offer(signal.t, script).await,
                Effect::Intent(_) | Effect::Rising => {}
            }
        }
        if matches!(signal.kind, SignalKind::Visibility { visible: false }) {
            self.send().await;
        }
    }

    fn record(&mut self, t: u64, body: EventBody) {
        if self.gate.is_granted(Purpose::Measure) {
            match body {
                EventBody::Hesitation { .. } => self.world.tally.add(Count::Hesitations, 1),
                EventBody::Commerce { action: CommerceAction::Purchase, .. } => {
                    self.world.tally.add(Count::Purchases, 1);
                }
                _ => {}
            }
        }
        let body = match body {
            EventBody::Engagement { engaged_ms, scroll_milli, clicks } => {
                // In the wire's time too: nobody attends for longer than time passes.
                let engaged_ms = self.wire(engaged_ms.into()) as u32;
                EventBody::Engagement { engaged_ms, scroll_milli, clicks }
            }
            body => body,
        };
        self.outbox.record(&self.gate, self.wire(t), body);
    }

    /// Asks what may be offered on this page to a shopper who began to hesitate at `t`, and shows it.
    async fn seek_offer(&mut self, t: u64, script: &mut Script) {
        let (Some(slot), Some(sender), None) = (slot_on(self.engine.page()), &self.sender, self.exposed) else {
            return;
        };
        let request = DecisionRequest {
            site: sender.site.clone(),
            session: sender.session,
            consent_epoch: sender.consent_epoch,
            slot,
            features: self.engine.decision_features(),
            cart: self.engine.cart(),
            page: self.engine.page(),
            item: self.engine.item(),
            items: self.engine.cart_items().to_vec(),
            locale: Locale::parse("en").ok(),
            visitor: None,
        };
        let permitted = self.gate.permit(Purpose::Personalize, request).and_then(|request| self.gate.release(request));
        let Some(body) = permitted.and_then(|request| serde_json::to_string(&request).ok()) else { return };
        let tally = &self.world.tally;
        tally.add(Count::Decisions, 1);
        let Ok(Answer::Done(decision)) =
            timeout(OFFER_PATIENCE, ask::<Decision>(&self.world.transport, Route::Decisions, body)).await
        else {
            tally.add(Count::DecisionsLost, 1);
            return;
        };
        let (Some(id), Some(offer)) = (decision.decision, decision.offer) else { return };
        if self.answered.contains(&id) {
            return;
        }
        // From when the signal was due, not from when this shopper's turn came: a slow machine is no excuse.
        let since_signal_ms = u32::try_from((Instant::now() - self.due(t)).as_millis()).unwrap_or(u32::MAX);
        let exposed =
            EventBody::Offer { action: OfferAction::Exposed, decision: id, since_signal_ms: Some(since_signal_ms) };
        self.outbox.record(&self.gate, self.wire(t) + u64::from(since_signal_ms), exposed);
        self.exposed = Some(id);
        tally.add(Count::OffersExposed, u64::from(self.seen.insert(id)));
        script.show_offer(offer.kind, offer.value);
    }

    /// Tells at once, so that the collector does not make the same offer again meanwhile.
    async fn answer_offer(&mut self, t: u64, action: OfferAction) {
        let Some(decision) = self.exposed.take().filter(|_| self.gate.is_open()) else { return };
        let count = if action == OfferAction::Accepted { Count::OffersAccepted } else { Count::OffersDismissed };
        self.world.tally.add(count, 1);
        self.record(t, EventBody::Offer { action, decision, since_signal_ms: None });
        self.answered.insert(decision);
        self.send().await;
    }

    /// Takes the consent back: the gate closes, what waits goes, and the collector is told.
    async fn withdraw(&mut self) {
        self.gate.read(ConsentSource::PageCall, Some(Reading::all(ConsentChoice::Denied)));
        self.outbox.clear();
        self.exposed = None;
        self.world.tally.add(Count::Withdrawals, 1);
        let Some(record) = self.sender.take().and_then(|sender| consent_record(&self.gate, &sender)) else { return };
        for attempt in 1..=MOST_ATTEMPTS {
            match ask::<ConsentAnswer>(&self.world.transport, Route::Consents, record.clone()).await {
                Answer::Later(asked_s) if !self.stop.is_told() => {
                    self.world.tally.add(Count::Retries, 1);
                    self.stop.or_sleep(wait(attempt + 1, asked_s, &mut self.network)).await;
                }
                _ => return,
            }
        }
    }

    /// Sends what waits; told to stop meanwhile, it keeps what was not answered for its last words.
    async fn send(&mut self) {
        let Session { world, gate, sender: Some(sender), outbox, network, stop, .. } = self else { return };
        let stopped = stop.is_told();
        let sending = outbox.send(gate, sender, &world.transport, network, &world.tally);
        tokio::select! {
            () = sending => {}
            () = stop.told(), if !stopped => {}
            () = sleep(LAST_WORDS), if stopped => {}
        }
    }

    /// Sends what is left until all of it is answered or given up.
    async fn deliver(mut self) {
        let mut deadline = None;
        loop {
            self.send().await;
            if self.outbox.len() == 0 {
                return;
            }
            let retry_at = self.outbox.retry_at();
            if self.stop.is_told() {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + LAST_WORDS);
                if retry_at.is_some_and(|at| at > deadline) || Instant::now() >= deadline {
                    self.world.tally.add(Count::EventsLost, self.outbox.len() as u64);
                    return;
                }
                sleep_until(retry_at.unwrap_or(deadline)).await;
            } else if let Some(at) = retry_at {
                self.stop.or_sleep(at.saturating_duration_since(Instant::now())).await;
            }
        }
    }

    /// Waits until `t`, milliseconds of the shopper's time, or until it is time to stop.
    async fn wait_until(&mut self, t: u64) {
        let left = self.due(t).saturating_duration_since(Instant::now());
        if !left.is_zero() {
            self.stop.or_sleep(left).await;
        }
    }

    /// When `t` milliseconds of the shopper's time have passed.
    fn due(&self, t: u64) -> Instant {
        self.begun + Duration::from_secs_f64(t as f64 / 1_000.0 / self.world.speed)
    }

    /// Milliseconds of the shopper's time since it came.
    fn now(&self) -> u64 {
        (self.begun.elapsed().as_secs_f64() * 1_000.0 * self.world.speed) as u64
    }

    /// `t` milliseconds of the shopper's time in those of the collector's clock.
    fn wire(&self, t: u64) -> u64 {
        (t as f64 / self.world.speed) as u64
    }
}

/// The slot for offers that a kind of page of the shop has.
fn slot_on(page: PageType) -> Option<SlotName> {
    match page {
        PageType::Product => SlotName::parse("product").ok(),
        PageType::Cart => SlotName::parse("cart").ok(),
        _ => None,
    }
}
