//! Asks the collector whether something may be offered. There always is an answer: without consent or without a network it is made here.

use std::rc::Rc;

use gloo_timers::callback::Timeout;
use wasm_bindgen::JsValue;
use waver_core::consent::Purpose;
use waver_core::intent;
use waver_schema::{DecisionReason, DecisionRequest, ErrorCode, Locale, SlotName};
use web_sys::AbortController;

use crate::delivery::{body, pause, received, refusal};
use crate::shell::Shell;
use crate::{clock, transport, value, wire};

/// How often to look whether the grant is on record.
const LOOK_AGAIN_MS: u32 = 50;

impl Shell {
    /// The decision for `slot`, within `timeout_ms`, and the turn that it holds in.
    pub(crate) async fn decide(self: &Rc<Shell>, slot: &SlotName, timeout_ms: u32) -> (u32, JsValue) {
        let deadline = clock::now() + u64::from(timeout_ms);
        loop {
            self.reread_consent();
            if !self.visit(|visit| visit.is_granted(Purpose::Personalize)) {
                break (self.visit(|visit| visit.turn()), made_here(slot, DecisionReason::NoConsent));
            }
            let asked = self.visit(|visit| visit.ask(slot.clone(), locale()));
            let now = clock::now();
            if let Some((turn, request)) = asked {
                let request = self.visit(|visit| visit.release(request));
                let left_ms = u32::try_from(deadline.saturating_sub(now)).unwrap_or(0);
                let answer = match request {
                    Some(request) => self.ask_collector(&request, left_ms).await,
                    None => Err(DecisionReason::NoConsent),
                };
                break (turn, answer.unwrap_or_else(|reason| made_here(slot, reason)));
            }
            if now >= deadline {
                break (self.visit(|visit| visit.turn()), made_here(slot, DecisionReason::Fallback));
            }
            // The grant is not on record yet.
            pause(LOOK_AGAIN_MS).await;
        }
    }

    async fn ask_collector(&self, request: &DecisionRequest, timeout_ms: u32) -> Result<JsValue, DecisionReason> {
        let controller = AbortController::new().map_err(|_| DecisionReason::Fallback)?;
        let signal = controller.signal();
        let _timer = Timeout::new(timeout_ms, move || controller.abort());
        let json = wire::json(request);
        let sent = transport::post(&self.config.url("/v1/decisions"), &json, Some(&signal));
        let answer = received(sent).await.ok_or(DecisionReason::Fallback)?;
        if !answer.ok() {
            let refused = refusal(Some(&answer)).await == Some(ErrorCode::Consent);
            return Err(if refused { DecisionReason::NoConsent } else { DecisionReason::Fallback });
        }
        let decision = body(Some(&answer)).await.ok_or(DecisionReason::Fallback)?;
        let reason = value::text(&decision, "reason").and_then(|reason| DecisionReason::from_name(&reason));
        reason.map(|_| decision).ok_or(DecisionReason::Fallback)
    }
}

/// A decision of the collector's shape that offers nothing. As JSON, since the type itself would bring the code that writes offers.
const NOTHING: &str = r#"{"decision":null,"slot":"","offer":null,"reason":"","arm":"nothing","propensity":1,"holdout":false,"policy":"","model":"","explain":[]}"#;

fn made_here(slot: &SlotName, reason: DecisionReason) -> JsValue {
    let decision = js_sys::JSON::parse(NOTHING).unwrap_or_default();
    for (key, text) in [("slot", slot.as_str()), ("reason", reason.as_str()), ("model", intent::MODEL)] {
        value::set(&decision, key, &text.into());
    }
    decision
}

/// The language of the page, not of the browser.
fn locale() -> Option<Locale> {
    let root = web_sys::window()?.document()?.document_element()?;
    Locale::parse(&root.get_attribute("lang")?).ok()
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
        assert_eq!((decision.offer, decision.arm, decision.reason), (None, Arm::Nothing, DecisionReason::Fallback));
        // And no field is missing that the collector sends.
        let fields = |json: &str| {
            serde_json::from_str::<serde_json::Value>(json).expect("JSON").as_object().expect("an object").len()
        };
        let sent =
            serde_json::to_string(&serde_json::from_str::<Decision>(&text).expect("a decision")).expect("serialises");
        assert_eq!(fields(NOTHING), fields(&sent));
    }
}
