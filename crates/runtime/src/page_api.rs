//! The commands of `waver(command, ...args)`. A promise is rejected only for a call that is wrong in itself, with a `TypeError` that says how.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::{ItemRef, PageType, SlotName};

use crate::decision::Question;
use crate::emit::{TOPICS, Topic};
use crate::ga4::to_signals;
use crate::sensor::datalayer::read_parameters;
use crate::shell::Shell;
use crate::slot::{self, TIMEOUT_MS};
use crate::view::Page;
use crate::{clock, value};

/// Longest time that a page may wait for a decision.
const LONGEST_TIMEOUT_MS: f64 = 60_000.0;

/// What was wrong with a call.
type Wrong = &'static str;

impl Shell {
    /// Carries out a command. Its effects are done when this returns; the promise is for what it gives.
    ///
    /// # Errors
    /// What is wrong with the call.
    pub(crate) fn command(&'static self, name: &str, arguments: &Array) -> Result<Promise, Wrong> {
        let (first, second) = (arguments.get(0), arguments.get(1));
        let mut given = JsValue::UNDEFINED;
        match name {
            "consent" => given = self.command_consent(&first)?,
            "page" => self.command_page(&first)?,
            "track" => {
                let name = first.as_string().ok_or("waver: track takes the name of a GA4 event and its parameters")?;
                // Shops send GA4 more events than concern us.
                for signal in to_signals(&name, &read_parameters(&second)) {
                    self.observe(signal, clock::now());
                }
            }
            "on" | "off" => {
                let (topic, callback) = listener(&first, second)?;
                if name == "on" { self.emitter.on(topic, callback) } else { self.emitter.off(topic, &callback) }
            }
            "offer" => return self.command_offer(&first, &second),
            "state" => given = self.state(),
            "forget" => return Ok(self.forget()),
            "debug" => self.debug.set(first.is_truthy()),
            _ => return Err("waver: commands are consent, page, track, on, off, offer, state, forget, debug"),
        }
        Ok(Promise::resolve(&given))
    }

    fn command_consent(&'static self, choices: &JsValue) -> Result<JsValue, Wrong> {
        if !choices.is_undefined() {
            let said = |purpose| {
                let said = value::get(choices, purpose);
                let known = said.as_bool();
                (known.is_some() || said.is_undefined()).then_some(known)
            };
            let said = choices.is_object().then(|| said("measure").zip(said("personalize"))).flatten();
            let (measure, personalize) =
                said.ok_or("waver: consent takes {measure?: boolean, personalize?: boolean}")?;
            self.sources.take_page_call(measure, personalize);
        }
        self.reread_consent();
        Ok(self.consent_state())
    }

    fn command_page(&'static self, page: &JsValue) -> Result<(), Wrong> {
        let kind = value::text(page, "type").and_then(|kind| PageType::from_name(&kind));
        let kind = kind.ok_or("waver: page takes {type: 'home'|'list'|'search'|'product'|'cart'|'checkout'|'confirmation'|'other', item?}")?;
        self.take_page(Page::said(kind, value::label(page, "item").map(|item| ItemRef::from_label(&item))));
        Ok(())
    }

    fn command_offer(&'static self, name: &JsValue, options: &JsValue) -> Result<Promise, Wrong> {
        let slot = name.as_string().and_then(|name| SlotName::parse(&name).ok());
        let slot = slot.ok_or("waver: offer takes the name of a slot: a-z, 0-9, - and _, at most 32 characters")?;
        let timeout_ms =
            value::number(options, "timeout_ms").unwrap_or(TIMEOUT_MS as f64).clamp(0.0, LONGEST_TIMEOUT_MS);
        self.slots.ask_by_name(&slot);
        Ok(Promise::new(&mut |resolve, _| {
            let element = slot::find(&slot);
            let deadline = clock::now() + timeout_ms as u64;
            self.ask(Question { slot: slot.clone(), element, signal_at: None, deadline, resolve: Some(resolve) });
        }))
    }

    /// Features and scores as they stand; null while nothing is watched.
    fn state(&self) -> JsValue {
        let state = self.visit(|visit| {
            let Some(engine) = visit.engine() else { return JsValue::NULL };
            let features = value::object();
            for (feature, number) in engine.features().iter() {
                value::set(&features, feature.as_str(), number);
            }
            let state = value::object();
            value::set(&state, "page", engine.page().as_str());
            value::set(&state, "features", features);
            value::set(&state, "hesitation", value::from_rust(&engine.hesitations()));
            value::set(&state, "intent", value::from_rust(&engine.intent()));
            value::set(&state, "cart", value::from_rust(&engine.cart()));
            state
        });
        if state.is_object() {
            value::set(&state, "context", self.evaluation_context().unwrap_or(JsValue::NULL));
        }
        state
    }
}

fn listener(topic: &JsValue, callback: JsValue) -> Result<(Topic, Function), Wrong> {
    let topic = TOPICS.iter().find(|known| *topic == **known);
    let topic = topic.ok_or("waver: on and off take hesitation, intent, frustration, offer or consent")?;
    let callback = callback.dyn_into().map_err(|_| "waver: on and off take a callback")?;
    Ok((topic, callback))
}
