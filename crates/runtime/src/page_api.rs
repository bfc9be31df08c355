//! The commands of `waver(command, ...args)`. A promise is rejected only for a call that is wrong in itself, with a `TypeError` that says how.

use std::rc::Rc;

use js_sys::futures::future_to_promise;
use js_sys::{Array, Function, Object, Promise, TypeError};
use wasm_bindgen::{JsCast, JsValue};
use waver_schema::{ItemRef, PageType, SlotName};

use crate::emit::Topic;
use crate::ga4::to_signal;
use crate::sensor::datalayer::read_parameters;
use crate::shell::Shell;
use crate::slot::TIMEOUT_MS;
use crate::view::Page;
use crate::{clock, value};

/// Longest time that a page may wait for a decision.
const LONGEST_TIMEOUT_MS: f64 = 60_000.0;

/// What a command gives at once, or what was wrong with the call.
type Answer = Result<JsValue, &'static str>;

impl Shell {
    /// Carries out a command. Its effects are done when this returns; the promise is for what it gives.
    pub(crate) fn command(self: &Rc<Shell>, name: &str, arguments: &Array) -> Promise {
        let (first, second) = (arguments.get(0), arguments.get(1));
        let answer = match name {
            "consent" => self.command_consent(&first),
            "page" => self.command_page(&first),
            "track" => self.command_track(&first, &second),
            "on" => listener(&first, second).map(|(topic, callback)| {
                self.emitter.on(topic, callback);
                JsValue::UNDEFINED
            }),
            "off" => listener(&first, second).map(|(topic, callback)| {
                self.emitter.off(topic, &callback);
                JsValue::UNDEFINED
            }),
            "offer" => match self.command_offer(&first, &second) {
                Ok(decision) => return decision,
                Err(error) => Err(error),
            },
            "state" => Ok(self.state()),
            "forget" => Ok(self.forget()),
            "debug" => {
                self.debug.set(first.is_truthy());
                Ok(JsValue::UNDEFINED)
            }
            _ => Err("waver: the commands are consent, page, track, on, off, offer, state, forget and debug"),
        };
        match answer {
            Ok(value) => Promise::resolve(&value),
            Err(message) => Promise::reject(&TypeError::new(message)),
        }
    }

    fn command_consent(self: &Rc<Shell>, choices: &JsValue) -> Answer {
        if !choices.is_undefined() {
            let said = |purpose| {
                let said = value::get(choices, purpose);
                match said.as_bool() {
                    None if !said.is_undefined() => Err(()),
                    known => Ok(known),
                }
            };
            let (Ok(measure), Ok(personalize), true) = (said("measure"), said("personalize"), choices.is_object())
            else {
                return Err("waver: consent takes {measure?: boolean, personalize?: boolean}");
            };
            self.sources.take_page_call(measure, personalize);
        }
        self.reread_consent();
        Ok(self.consent_state())
    }

    fn command_page(self: &Rc<Shell>, page: &JsValue) -> Answer {
        let kind = value::text(page, "type").and_then(|kind| PageType::from_name(&kind));
        let kind = kind.ok_or(
            "waver: page takes {type, item?}; type is home, list, search, product, cart, checkout, confirmation or other",
        )?;
        self.take_page(Page::said(kind, value::label(page, "item").map(|item| ItemRef::from_label(&item))));
        Ok(JsValue::UNDEFINED)
    }

    fn command_track(self: &Rc<Shell>, name: &JsValue, parameters: &JsValue) -> Answer {
        let name = name.as_string().ok_or("waver: track takes the name of a GA4 event and its parameters")?;
        // Shops send GA4 more events than concern us.
        if let Some(signal) = to_signal(&name, &read_parameters(parameters)) {
            self.observe(signal, clock::now());
        }
        Ok(JsValue::UNDEFINED)
    }

    fn command_offer(self: &Rc<Shell>, slot: &JsValue, options: &JsValue) -> Result<Promise, &'static str> {
        let slot = slot.as_string().and_then(|slot| SlotName::parse(&slot).ok());
        let slot = slot.ok_or("waver: offer takes the name of a slot: a-z, 0-9, - and _, at most 32 characters")?;
        let timeout_ms = value::number(options, "timeout_ms").filter(|ms| *ms >= 0.0);
        let timeout_ms = timeout_ms.map_or(TIMEOUT_MS, |ms| ms.min(LONGEST_TIMEOUT_MS) as u32);
        let shell = self.clone();
        Ok(future_to_promise(async move { Ok(shell.offer(slot, timeout_ms).await) }))
    }

    /// Features and scores as they stand; null while nothing is watched.
    fn state(&self) -> JsValue {
        let state = self.visit(|visit| {
            let engine = visit.engine()?;
            let features = Object::new().into();
            for (feature, value) in engine.features().iter() {
                value::set(&features, feature.as_str(), &value.into());
            }
            let state = Object::new().into();
            value::set(&state, "page", &engine.page().as_str().into());
            value::set(&state, "features", &features);
            value::set(&state, "hesitation", &value::from_rust(&engine.hesitations()));
            value::set(&state, "intent", &value::from_rust(&engine.intent()));
            value::set(&state, "cart", &value::from_rust(&engine.cart()));
            Some(state)
        });
        state.unwrap_or(JsValue::NULL)
    }

    /// Withdraws and wipes.
    fn forget(self: &Rc<Shell>) -> JsValue {
        self.sources.take_page_call(Some(false), Some(false));
        self.reread_consent();
        let receipt = Object::new().into();
        value::set(&receipt, "erased_locally", &JsValue::TRUE);
        // The collector ends the session at once; a signed receipt of its own is not built yet.
        value::set(&receipt, "receipt", &JsValue::NULL);
        receipt
    }
}

fn listener(topic: &JsValue, callback: JsValue) -> Result<(Topic, Function), &'static str> {
    let topic = topic.as_string().and_then(|topic| Topic::parse(&topic));
    let topic = topic.ok_or("waver: on and off take hesitation, intent, frustration, offer or consent")?;
    let callback = callback.dyn_into().map_err(|_| "waver: on and off take a callback")?;
    Ok((topic, callback))
}
