//! Asks the collector whether something may be offered. There always is an answer, and in time: without consent, or where none comes, it is made
//! here. Where a score rises, it is asked before there is anything to show, so that the answer is there when it is wanted.

use js_sys::{Function, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use waver_core::consent::Purpose;
use waver_core::intent;
use waver_schema::{DecisionReason, ErrorCode, Locale, SlotName};
use web_sys::Element;

use crate::asks::{Asks, Settled};
use crate::shell::Shell;
use crate::timer;
use crate::transport::{Cancel, Reply};
use crate::{clock, page, transport, value, visitor, wire};

/// A question for the collector.
pub(crate) struct Question {
    pub(crate) slot: SlotName,
    /// Where to show an offer.
    pub(crate) element: Option<Element>,
    /// Millisecond of the page of the signal that made it ask.
    pub(crate) signal_at: Option<u64>,
    /// Millisecond of the page until which there has to be an answer.
    pub(crate) deadline: u64,
    /// Takes the decision, for a page that asked itself.
    pub(crate) resolve: Option<Function>,
}

/// A decision, and what it was the answer to.
#[derive(Clone)]
pub(crate) struct Decided {
    pub(crate) decision: JsValue,
    /// The turn of the question; in another one it is void.
    pub(crate) turn: u32,
    /// Millisecond of the page at which it was asked for.
    pub(crate) sent_at: u64,
}

/// The questions of a page.
pub(crate) type Questions = Asks<Question, Decided, Cancel>;

impl Shell {
    /// Asks. Where the grant is not on record yet, the question waits for that.
    pub(crate) fn ask(&'static self, question: Question) {
        self.reread_consent();
        if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
            return self.decide_here(question, DecisionReason::NoConsent);
        }
        let (now, turn, slot) = (clock::now(), self.visit(|visit| visit.turn()), question.slot.clone());
        let known = self.asks.borrow_mut().take(&slot).filter(|known| known.turn == turn);
        if let Some(known) = known {
            return self.answer(question, known);
        }
        let deadline = question.deadline;
        // Where it is too late to wait, the answer is there for whoever asks next.
        let refused = match deadline <= now {
            true => Some(question),
            false => self.asks.borrow_mut().wait(&slot, question, now, deadline),
        };
        self.send_for(slot);
        self.watch_asks();
        if let Some(question) = refused {
            self.decide_here(question, DecisionReason::Fallback);
        }
    }

    /// Sends a request for the slot, unless one is under way or the grant is not on record.
    pub(crate) fn send_for(&'static self, slot: SlotName) {
        if !self.asks.borrow_mut().is_free(&slot) {
            return;
        }
        let asked = self.visit(|visit| {
            let (turn, request) = visit.ask(slot.clone(), page_locale())?;
            Some((turn, visit.release(request)?))
        });
        let Some((turn, mut request)) = asked else { return };
        request.visitor = visitor::name();
        let cancel = Cancel::new();
        let signal = cancel.signal();
        let number = self.asks.borrow_mut().send(&slot, clock::now(), cancel);
        let answered = move |reply: Reply| self.take_decision(number, turn, reply);
        transport::post(&self.url("/v1/decisions"), &wire::json(&request), signal, Box::new(answered));
    }

    /// Asks what waited once more: consent or session changed, and what was under way is void.
    pub(crate) fn ask_again(&'static self) {
        let waiting = self.asks.borrow_mut().clear();
        for question in waiting {
            self.ask(question);
        }
    }

    /// Answers those who waited long enough.
    pub(crate) fn answer_overdue(&'static self) {
        let overdue = self.asks.borrow_mut().overdue(clock::now());
        for question in overdue {
            self.decide_here(question, DecisionReason::Fallback);
        }
        let unsent = self.asks.borrow().unsent();
        for slot in unsent {
            self.send_for(slot);
        }
        self.watch_asks();
    }

    pub(crate) fn watch_asks(&'static self) {
        let due = self.asks.borrow().next_due();
        if let Some(at) = due {
            let in_ms = at.saturating_sub(clock::now()) as u32;
            self.timers.set(self, timer::Purpose::Questions, at, in_ms);
        }
    }

    fn take_decision(&'static self, number: u32, turn: u32, reply: Reply) {
        // Nobody wants to know what was given up or is void.
        let settled = self.asks.borrow_mut().settle(number);
        let Some(Settled { slot, sent_at, waiting }) = settled else { return };
        let known = value::text(&reply.body, "reason").and_then(|reason| DecisionReason::from_name(&reason));
        if self.visit(|visit| visit.turn()) != turn {
            waiting.into_iter().for_each(|waiting| self.ask(waiting.question));
        } else if reply.status == 200 && known.is_some() {
            self.log("decision", &reply.body);
            let decided = Decided { decision: reply.body, turn, sent_at };
            let offers = value::get(&decided.decision, "offer").is_object() || is_control(&decided.decision);
            if waiting.is_empty() && offers {
                self.asks.borrow_mut().keep(&slot, decided);
                return;
            }
            for waiting in waiting {
                if !offers && waiting.asked_at > sent_at {
                    // It was asked ahead, and what has been seen since may change the answer.
                    self.ask(waiting.question);
                } else {
                    self.answer(waiting.question, decided.clone());
                }
            }
        } else {
            let refused = reply.code() == ErrorCode::Consent.as_str();
            let reason = if refused { DecisionReason::NoConsent } else { DecisionReason::Fallback };
            waiting.into_iter().for_each(|waiting| self.decide_here(waiting.question, reason));
        }
    }

    fn decide_here(&'static self, question: Question, reason: DecisionReason) {
        let decision = JSON::parse(NOTHING).unwrap_or_default();
        value::set(&decision, "slot", question.slot.as_str());
        value::set(&decision, "reason", reason.as_str());
        value::set(&decision, "model", intent::RULES);
        self.answer(question, Decided { decision, turn: self.visit(|visit| visit.turn()), sent_at: clock::now() });
    }

    fn answer(&'static self, question: Question, decided: Decided) {
        if let Some(resolve) = &question.resolve {
            let _ = resolve.call1(&JsValue::UNDEFINED, &decided.decision);
        }
        self.show(question, decided);
    }

    /// What a client of OpenFeature on this page hands on as its context, once the collector knows the grant: then the collector knows of which
    /// session it speaks, and what was seen.
    pub(crate) fn evaluation_context(&self) -> Option<JsValue> {
        let (_, request) = self.visit(|visit| visit.ask(SlotName::parse("any").ok()?, page_locale()))?;
        let mut request = self.visit(|visit| visit.release(request))?;
        request.visitor = visitor::name();
        let context = JSON::parse(&wire::json(&request)).ok()?;
        value::set(&context, "targetingKey", value::get(&context, "session"));
        for moot in ["session", "slot"] {
            let _ = Reflect::delete_property(context.unchecked_ref::<Object>(), &moot.into());
        }
        Some(context)
    }
}

/// Whether somebody is shown nothing on purpose: one of those by whom an offer is measured.
pub(crate) fn is_control(decision: &JsValue) -> bool {
    let reason = value::text(decision, "reason").and_then(|reason| DecisionReason::from_name(&reason));
    let measured = matches!(reason, Some(DecisionReason::Holdout | DecisionReason::TargetingMatch));
    measured && value::get(decision, "offer").is_null()
}

/// A decision of the collector's shape that offers nothing. As JSON, since the type itself would bring the code that writes offers.
const NOTHING: &str = r#"{"decision":null,"slot":"","offer":null,"reason":"","arm":"nothing","propensity":1,"holdout":false,"policy":"","model":"","explain":[],"now":0}"#;

/// The language of the page, not of the browser.
pub(crate) fn page_locale() -> Option<Locale> {
    Locale::parse(&page::query_selector("html")?.get_attribute("lang")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waver_schema::{Arm, Decision};

    #[test]
    fn a_decision_made_here_has_the_collectors_shape() {
        let text =
            NOTHING.replace(r#""slot":"""#, r#""slot":"cart""#).replace(r#""reason":"""#, r#""reason":"fallback""#);
        let decision: Decision = serde_json::from_str(&text).expect("a decision");
        assert_eq!((&decision.offer, decision.arm, decision.reason), (&None, Arm::Nothing, DecisionReason::Fallback));
        // And no field is missing that the collector sends.
        let fields = |json: &str| {
            let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
            value.as_object().expect("an object").len()
        };
        assert_eq!(fields(NOTHING), fields(&serde_json::to_string(&decision).expect("serialises")));
    }
}
