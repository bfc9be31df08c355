//! Slots: the places that a page reserves for offers. Texts go in as text, never as markup; an offer that gives money's worth is not shown
//! without saying that it was personalised. Where a session is shown nothing, so that offers can be measured against it, that is noted where and
//! when the offer would have been shown.

use std::cell::{Cell, RefCell};

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Purpose;
use waver_schema::{DecisionId, EventBody, OfferAction, OfferKind, SlotName};
use web_sys::{Element, HtmlElement};

use crate::decision::{Decided, Question, is_control};
use crate::listener::Listener;
use crate::shell::Shell;
use crate::timer;
use crate::{clock, page, value};

/// How long a decision may take.
pub(crate) const TIMEOUT_MS: u64 = 1_000;
/// How long a slot is left alone after it was asked for.
const ASK_AGAIN_MS: u64 = 10_000;
/// Slots that a page asked for by name, beyond which no more are asked for ahead.
const MOST_NAMED: usize = 16;
/// Longest delay of a timer, 24 days. Offers that last longer outlive no page.
const LONGEST_TIMER_MS: u64 = i32::MAX as u64;
/// By how much the two clocks may drift apart before the end of an offer is asked for anew: less is what time servers correct.
const MOST_DRIFT_MS: u64 = 2_000;

/// The slots of a page.
#[derive(Default)]
pub(crate) struct Slots {
    asked: RefCell<Vec<(SlotName, Why, u64)>>,
    /// Those that the page asked for by name.
    named: RefCell<Vec<SlotName>>,
    shown: RefCell<Vec<Shown>>,
    /// Numbers the offers of this page.
    count: Cell<u32>,
}

/// Why a slot is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// A score rises.
    Ahead,
    /// There is something to show now.
    Now,
}

/// An offer on the page, or the place where a session that is offered nothing would have seen one.
struct Shown {
    number: u32,
    id: DecisionId,
    slot: SlotName,
    element: Element,
    decision: JsValue,
    /// Milliseconds of the page.
    ends_at: u64,
    /// By how much the wall clock was ahead of the page's when its end was reckoned.
    drift: i64,
    frame: Option<(Element, Listener)>,
}

impl Shown {
    fn is_on_page(&self) -> bool {
        self.frame.as_ref().map_or(&self.element, |(frame, _)| frame).is_connected()
    }

    fn take_off(&self) {
        if let Some((frame, _)) = &self.frame {
            frame.remove();
        }
    }
}

impl Slots {
    /// Takes every offer off the page.
    pub(crate) fn clear(&self) {
        self.remove(|_| true);
        self.asked.take();
        self.named.take();
    }

    /// Takes off the offers that `which` picks, and forgets those that went with their part of the page. Gives those that were picked.
    fn remove(&self, which: impl Fn(&Shown) -> bool) -> Vec<Shown> {
        let mut removed = Vec::new();
        for shown in self.shown.take() {
            if which(&shown) {
                shown.take_off();
                removed.push(shown);
            } else if shown.is_on_page() {
                self.shown.borrow_mut().push(shown);
            }
        }
        removed
    }

    /// A new view may ask for every slot again.
    pub(crate) fn begin_view(&self) {
        self.asked.take();
        self.named.take();
        self.remove(|_| false);
    }

    /// The page asks for this slot, whether it has an element for it or not.
    pub(crate) fn ask_by_name(&self, slot: &SlotName) {
        let mut named = self.named.borrow_mut();
        if named.len() < MOST_NAMED && !named.contains(slot) {
            named.push(slot.clone());
        }
    }

    fn may_ask(&self, slot: &SlotName, why: Why, now: u64) -> bool {
        let mut asked = self.asked.borrow_mut();
        asked.retain(|(_, _, at)| now.saturating_sub(*at) < ASK_AGAIN_MS);
        let free = asked.iter().all(|(known, because, _)| known != slot || *because != why);
        if free {
            asked.push((slot.clone(), why, now));
        }
        free
    }

    /// Whether something may be shown there.
    fn is_free(&self, element: &Element) -> bool {
        is_empty(element) && self.shown.borrow().iter().all(|shown| shown.element != *element)
    }
}

impl Shell {
    /// Asks for every free slot of the page, because of a signal at `signal_at`.
    pub(crate) fn offer_everywhere(&'static self, signal_at: u64) {
        if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
            return;
        }
        for (slot, element) in slots() {
            let known = self.asks.borrow().holds(&slot);
            if self.slots.is_free(&element) && (self.slots.may_ask(&slot, Why::Now, clock::now()) || known) {
                self.ask_for(slot, element, Some(signal_at));
            }
        }
    }

    fn ask_for(&'static self, slot: SlotName, element: Element, signal_at: Option<u64>) {
        let deadline = clock::now() + TIMEOUT_MS;
        self.ask(Question { slot, element: Some(element), signal_at, deadline, resolve: None });
    }

    /// A score rises: asks for every slot that may be wanted soon, so that the decision is there by then.
    pub(crate) fn ask_ahead(&'static self) {
        self.reread_consent();
        let mut named = self.slots.named.borrow().clone();
        named.retain(|slot| self.slots.shown.borrow().iter().all(|shown| shown.slot != *slot));
        let free = slots().filter(|(_, element)| self.slots.is_free(element)).map(|(slot, _)| slot);
        for slot in free.chain(named) {
            let known = self.asks.borrow().holds(&slot);
            if !known && self.slots.may_ask(&slot, Why::Ahead, clock::now()) {
                self.send_for(slot);
            }
        }
        self.watch_asks();
    }

    /// Asks for the offer that stood in a slot of an earlier page, if it still does.
    pub(crate) fn restore_offer(&'static self) {
        let standing = self.visit(|visit| visit.standing(clock::now()));
        if let Some((slot, element)) = standing.and_then(|slot| find(&slot).map(|element| (slot, element)))
            && self.slots.is_free(&element)
        {
            self.ask_for(slot, element, None);
        }
    }

    /// Shows the offer of a decision, if there is one and it still may and can be. Where there is none on purpose, notes that it would have been.
    pub(crate) fn show(&'static self, question: Question, decided: Decided) {
        let Decided { decision, turn, sent_at } = decided;
        let permitted = self.visit(|visit| visit.turn() == turn && visit.is_granted(Purpose::Personalize));
        let free = |element: &Element| permitted && element.is_connected() && self.slots.is_free(element);
        let Some(element) = question.element.filter(free) else { return };
        let Some(id) = value::text(&decision, "decision").and_then(|id| DecisionId::parse(&id).ok()) else { return };
        let offer = value::get(&decision, "offer");
        let frame = draw(&offer);
        if frame.is_none() && !is_control(&decision) {
            return;
        }
        let number = self.slots.count.get();
        self.slots.count.set(number + 1);
        let clicked = move |event: web_sys::Event| {
            let button: Option<Element> = event.target().and_then(|target| target.dyn_into().ok());
            match button.map(|button| button.class_name()).as_deref() {
                Some(ACCEPT) => self.take_answer(number, OfferAction::Accepted),
                Some(DISMISS) => self.take_answer(number, OfferAction::Dismissed),
                _ => {}
            }
        };
        let (action, ends_at) = match &frame {
            Some(_) => (OfferAction::Exposed, ends_at(&decision, &offer, sent_at)),
            None => (OfferAction::Withheld, u64::MAX),
        };
        if let Some(frame) = &frame {
            let _ = element.append_child(frame);
            self.visit(|visit| visit.set_standing(&question.slot, Some(ends_at)));
        }
        let frame = frame.map(|frame| {
            let listener = Listener::new(&frame, "click", Box::new(clicked));
            (frame, listener)
        });
        let (slot, drift) = (question.slot, clock::drift());
        self.slots.shown.borrow_mut().push(Shown { number, id, slot, element, decision, ends_at, drift, frame });
        self.expire_offers();
        let since_signal_ms = question.signal_at.map(|at| clock::now().saturating_sub(at) as u32);
        self.tell_of_offer(number, action, since_signal_ms);
    }

    /// The shopper's answer to an offer.
    fn take_answer(&'static self, number: u32, action: OfferAction) {
        self.tell_of_offer(number, action, None);
        for shown in self.slots.remove(|shown| shown.number == number) {
            self.visit(|visit| visit.set_standing(&shown.slot, None));
            // Who goes by keyboard stays where the offer was instead of starting at the top of the page.
            if let Some(element) = shown.element.dyn_ref::<HtmlElement>() {
                element.set_tab_index(-1);
                let _ = element.focus();
            }
        }
    }

    fn tell_of_offer(&'static self, number: u32, action: OfferAction, since_signal_ms: Option<u32>) {
        let payload = value::object();
        let decision = {
            let all = self.slots.shown.borrow();
            let Some(shown) = all.iter().find(|shown| shown.number == number) else { return };
            value::set(&payload, "slot", shown.slot.as_str());
            value::set(&payload, "decision", &shown.decision);
            shown.id
        };
        value::set(&payload, "action", action.as_str());
        self.visit(|visit| visit.record(EventBody::Offer { action, decision, since_signal_ms }, clock::now()));
        // To the page, nothing happened where nothing was shown.
        if action != OfferAction::Withheld {
            self.emitter.emit("offer", &payload);
        }
        self.flush_soon();
    }

    /// Takes offers off the page that have ended, and comes back when the next one does.
    ///
    /// Their ends are reckoned by the page's own clock, which nobody sets, but which may stand still while the machine sleeps. Where the wall clock
    /// goes another way, one of the two is wrong, and only the collector knows which: an offer that still stands comes back.
    pub(crate) fn expire_offers(&'static self) {
        if self.slots.shown.borrow().is_empty() {
            return;
        }
        let (now, drift) = (clock::now(), clock::drift());
        let is_doubtful = |shown: &Shown| shown.frame.is_some() && drift.abs_diff(shown.drift) > MOST_DRIFT_MS;
        let doubtful = self.slots.remove(is_doubtful);
        self.slots.remove(|shown| shown.ends_at <= now);
        for Shown { slot, element, .. } in doubtful {
            self.ask_for(slot, element, None);
        }
        let next = self.slots.shown.borrow().iter().map(|shown| shown.ends_at).min().unwrap_or(u64::MAX);
        let in_ms = next.saturating_sub(now);
        if in_ms < LONGEST_TIMER_MS {
            self.timers.set(self, timer::Purpose::Offers, 0, in_ms as u32 + 1);
        }
    }
}

/// When an offer ends, milliseconds of the page: as long after it was asked for as the collector says it lasts, by the collector's clock.
fn ends_at(decision: &JsValue, offer: &JsValue, sent_at: u64) -> u64 {
    let expires_at = value::number(offer, "expires_at").unwrap_or_default();
    match value::number(decision, "now") {
        Some(now) if now > 0.0 => sent_at + (expires_at - now) as u64,
        _ => clock::now() + (expires_at - clock::wall() as f64) as u64,
    }
}

/// The slots of the page with their names.
fn slots() -> impl Iterator<Item = (SlotName, Element)> {
    Array::from(&page::query_selector_all("[data-waver-slot]")).into_iter().filter_map(|element| {
        let element: Element = element.unchecked_into();
        let name = element.get_attribute("data-waver-slot")?;
        Some((SlotName::parse(&name).ok()?, element))
    })
}

/// The first place on the page that has this name.
pub(crate) fn find(slot: &SlotName) -> Option<Element> {
    slots().find(|(name, _)| name == slot).map(|(_, element)| element)
}

fn is_empty(element: &Element) -> bool {
    element.child_element_count() == 0 && element.text_content().is_none_or(|text| text.trim_ascii().is_empty())
}

const ACCEPT: &str = "waver-offer-accept";
const DISMISS: &str = "waver-offer-dismiss";

/// The offer as an element; `None` for what must not be shown.
fn draw(offer: &JsValue) -> Option<Element> {
    let text = |key| value::text(offer, key).filter(|text| !text.is_empty());
    let kind = OfferKind::from_name(&text("kind")?)?;
    let frame = page::create_element("div");
    frame.set_class_name("waver-offer");
    let _ = frame.set_attribute("role", "status");
    for (tag, class, key) in [
        ("p", "waver-offer-text", "text"),
        ("p", "waver-offer-disclosure", "disclosure"),
        ("button", ACCEPT, "accept"),
        ("button", DISMISS, "dismiss"),
    ] {
        let Some(text) = text(key) else {
            // Directive 2011/83/EU, article 6(1)(ea): a personalised price says so. What is no price need not.
            let free = matches!(kind, OfferKind::Message | OfferKind::Help);
            if free && key == "disclosure" { continue } else { return None }
        };
        let part = page::create_element(tag);
        part.set_class_name(class);
        part.set_text_content(Some(&text));
        if tag == "button" {
            // Within a form of the shop's it must not send that.
            let _ = part.set_attribute("type", tag);
        }
        let _ = frame.append_child(&part);
    }
    Some(frame)
}
