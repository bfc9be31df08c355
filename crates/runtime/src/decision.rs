//! Asks the collector whether something may be offered. There always is an answer: without consent or without a network it is made here.

use js_sys::Function;
use wasm_bindgen::JsValue;
use waver_core::consent::Purpose;
use waver_core::intent;
use waver_schema::{DecisionReason, ErrorCode, Locale, SlotName};
use web_sys::Element;

use crate::shell::Shell;
use crate::timer;
use crate::transport::Reply;
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

impl Shell {
    /// Asks. Where the grant is not on record yet, the question waits for that.
    pub(crate) fn ask(&'static self, question: Question) {
        self.reread_consent();
        let left_ms = u32::try_from(question.deadline.saturating_sub(clock::now())).unwrap_or(0);
        let asked = self.visit(|visit| {
            let (turn, request) = visit.ask(question.slot.clone(), page_locale())?;
            Some((turn, visit.release(request)?))
        });
        if let Some((turn, mut request)) = asked {
            request.visitor = visitor::name();
            let request = wire::json(&request);
            let answered = move |reply: Reply| self.take_decision(question, turn, reply);
            transport::post(&self.url("/v1/decisions"), &request, Some(left_ms), Box::new(answered));
        } else if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
            self.decide_here(question, DecisionReason::NoConsent);
        } else if left_ms == 0 {
            self.decide_here(question, DecisionReason::Fallback);
        } else {
            self.timers.set(self, timer::Purpose::Questions, question.deadline, left_ms);
            self.questions.borrow_mut().push(question);
        }
    }

    /// Asks what waited once more.
    pub(crate) fn ask_again(&'static self) {
        for question in self.questions.take() {
            self.ask(question);
        }
    }

    fn take_decision(&'static self, question: Question, turn: u32, reply: Reply) {
        let known = value::text(&reply.body, "reason").and_then(|reason| DecisionReason::from_name(&reason));
        if reply.status == 200 && known.is_some() {
            self.log("decision", &reply.body);
            self.answer(question, turn, reply.body);
        } else if reply.code() == ErrorCode::Consent.as_str() {
            self.decide_here(question, DecisionReason::NoConsent);
        } else {
            self.decide_here(question, DecisionReason::Fallback);
        }
    }

    fn decide_here(&'static self, question: Question, reason: DecisionReason) {
        let decision = js_sys::JSON::parse(NOTHING).unwrap_or_default();
        value::set(&decision, "slot", question.slot.as_str());
        value::set(&decision, "reason", reason.as_str());
        value::set(&decision, "model", intent::RULES);
        self.answer(question, self.visit(|visit| visit.turn()), decision);
    }

    fn answer(&'static self, question: Question, turn: u32, decision: JsValue) {
        if let Some(resolve) = &question.resolve {
            let _ = resolve.call1(&JsValue::UNDEFINED, &decision);
        }
        self.show(question, turn, decision);
    }
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
