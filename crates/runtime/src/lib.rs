//! The browser shell: sensors, consent adapters, queue, transport, slots and page API around the engine of `waver-core`. It holds no policy.
//!
//! The walk of a signal: a [`sensor`] sees something; the [`shell`] hands it to the [`visit`], where the engine folds it and the gate lets records
//! pass into the [`queue`]; [`delivery`] sends them in batches; a [`slot`] shows what the collector decided; [`emit`] tells the page.
//!
//! Nothing here throws into the page (invariant I8): listeners are passive, calls into the page are caught, and what a page hands over is read
//! with distrust.

mod asks;
mod clock;
mod config;
mod consent;
mod decision;
#[doc(hidden)]
#[cfg(not(target_family = "wasm"))]
pub mod decoders;
mod delivery;
mod emit;
mod erasure;
mod ga4;
mod grant;
mod history;
mod hold;
mod hook;
mod listener;
mod markup;
mod money;
mod numbers;
mod page;
mod page_api;
mod queue;
mod sensor;
mod session;
mod shell;
mod slot;
mod storage;
mod tabs;
mod timer;
mod transport;
mod value;
mod view;
mod visit;
mod visitor;
mod wipe;
mod wire;

use std::cell::Cell;

use js_sys::{Array, Promise, TypeError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use config::Config;
use shell::Shell;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<talc::wasm::WasmDynamicTalc> =
    zeroizing_alloc::ZeroAlloc(talc::wasm::new_wasm_dynamic_allocator());

/// The sensors alone, for their own tests: what they see goes to `sink` until what this gives is dropped.
#[doc(hidden)]
pub fn sense(sink: std::rc::Rc<dyn Fn(waver_core::SignalKind, u64)>) -> Box<dyn std::any::Any> {
    let mut sensors = sensor::Sensors::start(&sink);
    sensors.watch_navigation(Box::new(move |back| {
        if back {
            sink(waver_core::SignalKind::Back, clock::now());
        }
    }));
    sensors.look_at_view();
    Box::new(sensors)
}

/// What the markup of the page gives away, for its own tests: the kind of page, and whether it says which product it shows.
#[doc(hidden)]
pub fn shown(loaded: bool) -> (Option<waver_schema::PageType>, Option<waver_schema::ItemRef>) {
    let shown = markup::shown(loaded);
    (shown.kind, shown.item)
}

thread_local! {
    static SHELL: Cell<Option<&'static Shell>> = const { Cell::new(None) };
}

/// The module on this page, once it has been started.
fn shell() -> Option<&'static Shell> {
    SHELL.get()
}

/// Starts the module on this page, once. `options` are those of the script tag without their `data-`, all of them given: `site`, `endpoint`,
/// `consent`, `preconsent`, `cmp` (an object), `tcf`, `notice`, `datalayer`, `debug`.
///
/// # Errors
/// A `TypeError` if the site's key cannot be one, or the module has been started already.
#[wasm_bindgen]
pub fn boot(options: &JsValue) -> Result<(), JsValue> {
    match Config::read(options) {
        Some(config) if SHELL.get().is_none() => {
            let shell = Shell::new(config);
            SHELL.set(Some(shell));
            shell.start();
            Ok(())
        }
        Some(_) => Err(TypeError::new("waver: it has been started on this page already").into()),
        None => Err(TypeError::new("waver: the site's key is a-z, 0-9, - and _, at most 32 characters").into()),
    }
}

/// Carries out a command of the page API. What it does is done when this returns; the promise is for what it gives, and is rejected only for a
/// call that is wrong in itself.
#[wasm_bindgen]
pub fn command(name: &str, arguments: &Array) -> Promise {
    let answer = SHELL.get().ok_or("waver: call boot first").and_then(|shell| shell.command(name, arguments));
    answer.unwrap_or_else(|wrong| Promise::reject(&TypeError::new(wrong)))
}
