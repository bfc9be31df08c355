//! Slots: the places that a page reserves for offers. Texts go in as text, never as markup; an offer that gives money's worth is not shown
//! without saying that it was personalised.

use std::cell::{Cell, RefCell};

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Purpose;
use waver_schema::{DecisionId, EventBody, OfferAction, OfferKind, SlotName};
use web_sys::{Element, HtmlElement};

use crate::decision::Question;
use crate::listener::Listener;
use crate::shell::Shell;
use crate::timer;
use crate::{clock, page, value};

/// How long a decision may take.
pub(crate) const TIMEOUT_MS: u64 = 1_000;
/// How long a slot is left alone after it was asked for.
const ASK_AGAIN_MS: u64 = 10_000;
/// Longest delay of a timer, 24 days. Offers that last longer outlive no page.
const LONGEST_TIMER_MS: f64 = i32::MAX as f64;

/// The slots of a page.
#[derive(Default)]
pub(crate) struct Slots {
    asked: RefCell<Vec<(SlotName, u64)>>,
    shown: RefCell<Vec<Shown>>,
    /// Numbers the offers of this page.
    count: Cell<u32>,
}

/// An offer on the page.
struct Shown {
    number: u32,
    id: DecisionId,
    slot: SlotName,
    element: Element,
    frame: Element,
    decision: JsValue,
    /// Unix milliseconds.
    expires_at: f64,
    _listener: Listener,
}

impl Slots {
    /// Takes every offer off the page.
    pub(crate) fn clear(&self) {
        self.remove(|_| true);
        self.asked.take();
    }

    /// Takes off the offers that `which` picks, and forgets those that went with their part of the page.
    fn remove(&self, which: impl Fn(&Shown) -> bool) {
        for shown in self.shown.take() {
            if which(&shown) || !shown.frame.is_connected() {
                shown.frame.remove();
            } else {
                self.shown.borrow_mut().push(shown);
            }
        }
    }

    /// A new view may ask for every slot again.
    pub(crate) fn begin_view(&self) {
        self.asked.take();
        self.remove(|_| false);
    }

    fn may_ask(&self, slot: &SlotName, now: u64) -> bool {
        let mut asked = self.asked.borrow_mut();
        asked.retain(|(_, at)| now.saturating_sub(*at) < ASK_AGAIN_MS);
        let free = asked.iter().all(|(known, _)| known != slot);
        if free {
            asked.push((slot.clone(), now));
        }
        free
    }
}

impl Shell {
    /// Asks for every empty slot of the page, because of a signal at `signal_at`.
    pub(crate) fn offer_everywhere(&'static self, signal_at: u64) {
        if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
            return;
        }
        for (slot, element) in slots() {
            let now = clock::now();
            if is_empty(&element) && self.slots.may_ask(&slot, now) {
                let (element, signal_at) = (Some(element), Some(signal_at));
                self.ask(Question { slot, element, signal_at, deadline: now + TIMEOUT_MS, resolve: None });
            }
        }
    }

    /// Shows the offer of a decision, if there is one and it still may and can be.
    pub(crate) fn show(&'static self, question: Question, turn: u32, decision: JsValue) {
        let permitted = self.visit(|visit| visit.turn() == turn && visit.is_granted(Purpose::Personalize));
        let Some(element) = question.element.filter(|element| permitted && element.is_connected() && is_empty(element))
        else {
            return;
        };
        let offer = value::get(&decision, "offer");
        let expires_at = value::number(&offer, "expires_at").unwrap_or_default();
        let Some(id) = value::text(&decision, "decision").and_then(|id| DecisionId::parse(&id).ok()) else { return };
        let Some(frame) = draw(&offer) else { return };
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
        let shown = Shown {
            number,
            id,
            slot: question.slot,
            expires_at,
            _listener: Listener::new(&frame, "click", Box::new(clicked)),
            decision,
            element,
            frame,
        };
        let _ = shown.element.append_child(&shown.frame);
        self.slots.shown.borrow_mut().push(shown);
        self.expire_offers();
        let since_signal_ms = question.signal_at.map(|at| clock::now().saturating_sub(at) as u32);
        self.tell_of_offer(number, OfferAction::Exposed, since_signal_ms);
    }

    /// The shopper's answer to an offer.
    fn take_answer(&'static self, number: u32, action: OfferAction) {
        let element = self.tell_of_offer(number, action, None);
        self.slots.remove(|shown| shown.number == number);
        // Who goes by keyboard stays where the offer was instead of starting at the top of the page.
        if let Some(element) = element.as_ref().and_then(|element| element.dyn_ref::<HtmlElement>()) {
            element.set_tab_index(-1);
            let _ = element.focus();
        }
    }

    fn tell_of_offer(&'static self, number: u32, action: OfferAction, since_signal_ms: Option<u32>) -> Option<Element> {
        let payload = value::object();
        let (decision, element) = {
            let all = self.slots.shown.borrow();
            let shown = all.iter().find(|shown| shown.number == number)?;
            value::set(&payload, "slot", shown.slot.as_str());
            value::set(&payload, "decision", &shown.decision);
            (shown.id, shown.element.clone())
        };
        value::set(&payload, "action", action.as_str());
        self.visit(|visit| visit.record(EventBody::Offer { action, decision, since_signal_ms }, clock::now()));
        self.emitter.emit("offer", &payload);
        self.flush_soon();
        Some(element)
    }

    /// Takes offers off the page that have ended, and comes back when the next one does.
    pub(crate) fn expire_offers(&'static self) {
        let now = clock::wall() as f64;
        self.slots.remove(|shown| shown.expires_at <= now);
        let next = self.slots.shown.borrow().iter().map(|shown| shown.expires_at).fold(f64::INFINITY, f64::min);
        let in_ms = next - now;
        if in_ms < LONGEST_TIMER_MS {
            self.timers.set(self, timer::Purpose::Offers, 0, in_ms as u32 + 1);
        }
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
