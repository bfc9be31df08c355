//! Slots: the places that a page reserves for offers. Texts go in as text, never as markup; an offer that gives money's worth is not shown
//! without saying that it was personalised.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::Object;
use js_sys::futures::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Purpose;
use waver_schema::{DecisionId, EventBody, OfferAction, OfferKind, SlotName};
use web_sys::{Document, Element, HtmlElement};

use crate::emit::Topic;
use crate::listener::Listener;
use crate::shell::Shell;
use crate::{clock, value};

/// How long a decision may take.
pub(crate) const TIMEOUT_MS: u32 = 1_000;
/// How long a slot is left alone after it was asked for.
const ASK_AGAIN_MS: u64 = 10_000;
/// Longest delay of a timer.
const LONGEST_TIMER_MS: f64 = i32::MAX as f64;

/// The slots of a page.
#[derive(Default)]
pub(crate) struct Slots {
    asked: RefCell<Vec<(SlotName, u64)>>,
    shown: RefCell<Vec<Shown>>,
}

/// An offer on the page.
struct Shown {
    offer: Rc<Offer>,
    slot: Element,
    frame: HtmlElement,
    _listeners: [Listener; 2],
    _expiry: Option<Timeout>,
}

/// A decision that offers something, as far as it is read here; the page gets all of it.
struct Offer {
    id: DecisionId,
    slot: SlotName,
    decision: JsValue,
    text: String,
    disclosure: String,
    accept: String,
    dismiss: String,
    expires_at: f64,
}

impl Offer {
    /// Reads what the collector sent; `None` for what must not be shown.
    fn read(slot: &SlotName, decision: &JsValue) -> Option<Offer> {
        let offer = value::get(decision, "offer");
        let kind = OfferKind::from_name(&value::text(&offer, "kind")?)?;
        let text = |key| value::text(&offer, key).filter(|text| !text.is_empty());
        let disclosure = text("disclosure");
        // Directive 2011/83/EU, article 6(1)(ea): a personalised price says so.
        let needs_none = matches!(kind, OfferKind::Message | OfferKind::Help);
        if disclosure.is_none() && !needs_none {
            return None;
        }
        Some(Offer {
            id: DecisionId::parse(&value::text(decision, "decision")?).ok()?,
            slot: slot.clone(),
            decision: decision.clone(),
            text: text("text")?,
            disclosure: disclosure.unwrap_or_default(),
            accept: text("accept")?,
            dismiss: text("dismiss")?,
            expires_at: value::number(&offer, "expires_at").filter(|end| *end > clock::wall() as f64)?,
        })
    }
}

impl Slots {
    /// Takes every offer off the page.
    pub(crate) fn clear(&self) {
        self.asked.take();
        for shown in self.shown.take() {
            shown.frame.remove();
        }
    }

    /// Forgets offers that went with their part of the page.
    pub(crate) fn forget_detached(&self) {
        self.asked.take();
        self.shown.borrow_mut().retain(|shown| shown.frame.is_connected());
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

    fn take(&self, offer: &Rc<Offer>) -> Option<Shown> {
        let mut shown = self.shown.borrow_mut();
        let index = shown.iter().position(|shown| Rc::ptr_eq(&shown.offer, offer))?;
        Some(shown.remove(index))
    }
}

impl Shell {
    /// Asks for every empty slot of the page, because of a signal at `signal_at`.
    pub(crate) fn offer_everywhere(self: &Rc<Shell>, signal_at: u64) {
        if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
            return;
        }
        for (slot, element) in slots() {
            if is_empty(&element) && self.slots.may_ask(&slot, clock::now()) {
                let shell = self.clone();
                spawn_local(async move {
                    let (turn, decision) = shell.decide(&slot, TIMEOUT_MS).await;
                    shell.show(turn, &slot, &element, &decision, Some(signal_at));
                });
            }
        }
    }

    /// The decision for `slot`, shown where the page has such a slot and it is empty.
    pub(crate) async fn offer(self: &Rc<Shell>, slot: SlotName, timeout_ms: u32) -> JsValue {
        let (turn, decision) = self.decide(&slot, timeout_ms).await;
        if let Some((_, element)) = slots().into_iter().find(|(name, _)| *name == slot) {
            self.show(turn, &slot, &element, &decision, None);
        }
        decision
    }

    fn show(
        self: &Rc<Shell>,
        turn: u32,
        slot: &SlotName,
        element: &Element,
        decision: &JsValue,
        signal_at: Option<u64>,
    ) {
        self.log("decision", || decision.clone());
        let permitted = self.visit(|visit| visit.turn() == turn && visit.is_granted(Purpose::Personalize));
        if !permitted || !element.is_connected() || !is_empty(element) {
            return;
        }
        let Some(offer) = Offer::read(slot, decision).map(Rc::new) else { return };
        let Some((frame, accept, dismiss)) = draw(&offer) else { return };
        if element.append_child(&frame).is_err() {
            return;
        }
        let on_click = |button: &Element, action| {
            let (shell, offer) = (self.clone(), offer.clone());
            Listener::new(button, "click", move |_| shell.answer(&offer, action))
        };
        let listeners = [on_click(&accept, OfferAction::Accepted), on_click(&dismiss, OfferAction::Dismissed)];
        let (slot, expiry) = (element.clone(), self.expire(&offer));
        let shown = Shown { offer: offer.clone(), slot, frame, _listeners: listeners, _expiry: expiry };
        self.slots.shown.borrow_mut().push(shown);
        let now = clock::now();
        let since_signal_ms = signal_at.map(|at| u32::try_from(now.saturating_sub(at)).unwrap_or(u32::MAX));
        self.tell(&offer, OfferAction::Exposed, since_signal_ms);
    }

    /// The shopper's answer to an offer.
    fn answer(self: &Rc<Shell>, offer: &Rc<Offer>, action: OfferAction) {
        let Some(shown) = self.slots.take(offer) else { return };
        shown.frame.remove();
        // Who goes by keyboard stays where the offer was instead of starting at the top of the page.
        if let Some(slot) = shown.slot.dyn_ref::<HtmlElement>() {
            slot.set_tab_index(-1);
            let _ = slot.focus();
        }
        self.tell(offer, action, None);
    }

    fn tell(self: &Rc<Shell>, offer: &Offer, action: OfferAction, since_signal_ms: Option<u32>) {
        let body = EventBody::Offer { action, decision: offer.id, since_signal_ms };
        self.visit(|visit| visit.record(body, clock::now()));
        let payload = Object::new().into();
        value::set(&payload, "action", &action.as_str().into());
        value::set(&payload, "slot", &offer.slot.as_str().into());
        value::set(&payload, "decision", &offer.decision);
        self.emitter.emit(Topic::Offer, &payload);
        self.flush_soon();
    }

    /// Takes the offer off the page when it ends.
    fn expire(self: &Rc<Shell>, offer: &Rc<Offer>) -> Option<Timeout> {
        let left_ms = offer.expires_at - clock::wall() as f64;
        let (shell, offer) = (self.clone(), offer.clone());
        let end = move || {
            if let Some(shown) = shell.slots.take(&offer) {
                shown.frame.remove();
            }
        };
        (left_ms < LONGEST_TIMER_MS).then(|| Timeout::new(left_ms.max(0.0) as u32, end))
    }
}

/// The slots of the page, one element per name.
fn slots() -> Vec<(SlotName, Element)> {
    let mut slots: Vec<(SlotName, Element)> = Vec::new();
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return slots };
    let Ok(found) = document.query_selector_all("[data-waver-slot]") else { return slots };
    for index in 0..found.length() {
        let Some(element) = found.get(index).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
        let name = element.get_attribute("data-waver-slot").and_then(|name| SlotName::parse(&name).ok());
        if let Some(name) = name.filter(|name| slots.iter().all(|(known, _)| known != name)) {
            slots.push((name, element));
        }
    }
    slots
}

fn is_empty(element: &Element) -> bool {
    element.child_element_count() == 0 && element.text_content().is_none_or(|text| text.trim().is_empty())
}

/// The offer's elements: the frame, and its two buttons.
fn draw(offer: &Offer) -> Option<(HtmlElement, Element, Element)> {
    let document = web_sys::window()?.document()?;
    let frame: HtmlElement = element(&document, "div", "waver-offer", "")?.dyn_into().ok()?;
    frame.set_attribute("role", "status").ok()?;
    let add = |tag, class, text: &str| {
        let part = element(&document, tag, class, text)?;
        frame.append_child(&part).ok()?;
        Some(part)
    };
    add("p", "waver-offer-text", &offer.text)?;
    if !offer.disclosure.is_empty() {
        add("p", "waver-offer-disclosure", &offer.disclosure)?;
    }
    let button = |class, text: &str| {
        let button = add("button", class, text)?;
        // Within a form of the shop's it must not send that.
        button.set_attribute("type", "button").ok()?;
        Some(button)
    };
    let accept = button("waver-offer-accept", &offer.accept)?;
    let dismiss = button("waver-offer-dismiss", &offer.dismiss)?;
    Some((frame, accept, dismiss))
}

fn element(document: &Document, tag: &str, class: &str, text: &str) -> Option<Element> {
    let element = document.create_element(tag).ok()?;
    element.set_class_name(class);
    element.set_text_content(Some(text));
    Some(element)
}
