//! What a seeded shopper's browser has to send: the shopper's signals through the real engine, as wire events.

use serde_json::{Value, json};
use waver_core::{Effect, Engine, Signal, SignalKind};
use waver_sim::shopper::{Dice, Persona, Stream, script};

/// The visit of one shopper.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The name of the session, 32 hexadecimal digits.
    pub session: String,
    /// The events, numbered from 1, in order of time.
    pub events: Vec<Value>,
}

impl Visitor {
    /// The visitor number `index` of `seed`. The same numbers give the same visit.
    pub fn new(seed: u64, index: u64) -> Visitor {
        let bits = Dice::new(seed, index, Stream::Identity).bits();
        let session = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let persona = Persona::draw(&mut Dice::new(seed, index, Stream::Person));
        Visitor { session, events: recorded(seed.wrapping_add(index), persona) }
    }

    /// When the visit is over, milliseconds since it began.
    pub fn ends_at(&self) -> u64 {
        self.events.last().map_or(0, time_of)
    }

    /// The events in batches of one to `most`, as chance would have it.
    pub fn batches(&self, most: u64, dice: &mut Dice) -> Vec<Vec<Value>> {
        let mut rest = self.events.as_slice();
        let mut batches = Vec::new();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at((dice.whole(1, most) as usize).min(rest.len()));
            batches.push(batch.to_vec());
            rest = after;
        }
        batches
    }
}

/// When an event happened, milliseconds of its session.
pub fn time_of(event: &Value) -> u64 {
    event["t"].as_u64().unwrap_or_default()
}

fn recorded(seed: u64, persona: Persona) -> Vec<Value> {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let mut observe = |engine: &mut Engine, signal: &Signal| {
        for effect in engine.observe(signal) {
            if let Effect::Record(body) = effect {
                let mut event = serde_json::to_value(body).expect("an event serialises");
                event["seq"] = json!(events.len() + 1);
                event["t"] = json!(signal.t);
                events.push(event);
            }
        }
    };
    for signal in script(seed, persona) {
        let mut last = None;
        while let Some(t) = engine.wake_at().filter(|t| *t < signal.t && last.is_none_or(|last| *t > last)) {
            last = Some(t);
            observe(&mut engine, &Signal { t, kind: SignalKind::Tick });
        }
        observe(&mut engine, &signal);
    }
    events
}
