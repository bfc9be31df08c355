//! Conformance vectors: recorded signals, and the exact bits that the engine must make of them wherever it runs (invariant I5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_core::{Effect, Engine, Signal};

/// The vectors, by file name.
pub const FILES: &[(&str, &str)] = &[
    ("decisive", include_str!("../fixtures/conformance/decisive.json")),
    ("dithering", include_str!("../fixtures/conformance/dithering.json")),
    ("turning", include_str!("../fixtures/conformance/turning.json")),
    ("cart-edits", include_str!("../fixtures/conformance/cart-edits.json")),
    ("scrolling", include_str!("../fixtures/conformance/scrolling.json")),
    ("doubting", include_str!("../fixtures/conformance/doubting.json")),
    ("checking-out", include_str!("../fixtures/conformance/checking-out.json")),
    ("by-touch", include_str!("../fixtures/conformance/by-touch.json")),
    ("frustrated", include_str!("../fixtures/conformance/frustrated.json")),
    ("wandering", include_str!("../fixtures/conformance/wandering.json")),
];

/// One vector.
#[derive(Debug, Serialize, Deserialize)]
pub struct Vector {
    /// What it exercises.
    pub about: String,
    /// What the sensors saw.
    pub signals: Vec<Signal>,
    /// What the engine must make of it.
    pub expected: Outcome,
}

/// What an engine made of signals. Floats are given by the hexadecimal digits of their bits, so that equality means equality of bits.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// After each signal: `p_buy p_leave`, then `kind=score` of each hesitation.
    pub scores: Vec<String>,
    /// The features at the end.
    pub features: BTreeMap<String, String>,
    /// What was told to the page and recorded, in order, as the wire has it.
    pub effects: Vec<serde_json::Value>,
}

/// Runs the engine over `signals`. Halfway it is frozen and restored, as at a page load, which must change nothing but what a view keeps to itself.
pub fn run(signals: &[Signal]) -> Outcome {
    let mut engine = Engine::new();
    let mut outcome = Outcome::default();
    for signal in signals {
        if matches!(signal.kind, waver_core::SignalKind::View { .. }) {
            let frozen = serde_json::to_string(&engine.snapshot()).expect("a snapshot serialises");
            engine = Engine::restore(serde_json::from_str(&frozen).expect("and comes back"));
        }
        for effect in engine.observe(signal) {
            outcome.effects.push(match effect {
                Effect::Hesitation(hesitation) => {
                    serde_json::json!({ "hesitation": hesitation.kind, "score": bits(hesitation.score) })
                }
                Effect::Frustration(frustration) => {
                    serde_json::json!({ "frustration": frustration.kind, "score": bits(frustration.score) })
                }
                Effect::Intent(intent) => serde_json::json!({ "intent": intent.stage, "p_buy": bits(intent.p_buy) }),
                Effect::Rising => "rising".into(),
                Effect::Record(body) => serde_json::to_value(body).expect("an event serialises"),
            });
        }
        let intent = engine.intent();
        let mut scores = format!("{} {}", bits(intent.p_buy), bits(intent.p_leave));
        for hesitation in engine.hesitations() {
            scores.push_str(&format!(" {}={}", hesitation.kind.as_str(), bits(hesitation.score)));
        }
        outcome.scores.push(scores);
    }
    outcome.features =
        engine.features().iter().map(|(feature, value)| (feature.as_str().to_owned(), bits(value))).collect();
    outcome
}

fn bits(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}
