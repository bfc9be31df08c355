//! The browser shell: sensors, consent adapters, queue, transport, slots and page API around the engine of `waver-core`. It holds no policy.
//!
//! The walk of a signal: a sensor ([`sensor`]) sees something; [`shell`] hands it to [`visit`], where the engine folds it and the gate lets records
//! pass into the [`queue`]; [`delivery`] sends them in batches; [`slot`] shows what the collector decided; [`emit`] tells the page.
//!
//! Nothing here throws into the page (invariant I8): listeners are passive, calls into the page are caught, and what a page hands over is read
//! with distrust.

mod clock;
mod config;
mod consent;
mod decision;
mod delivery;
mod emit;
mod ga4;
mod hook;
mod listener;
mod money;
mod numbers;
mod page_api;
mod queue;
mod sensor;
mod session;
mod shell;
mod slot;
mod storage;
mod tabs;
mod transport;
mod value;
mod view;
mod visit;
mod wire;

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::{Array, Promise, TypeError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use config::Config;
use shell::Shell;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

thread_local! {
    static SHELL: OnceCell<Rc<Shell>> = const { OnceCell::new() };
}

/// Starts the module on this page, once. `options` are those of the script tag without their `data-`: `site` and `endpoint`, and optionally
/// `consent`, `preconsent`, `cmp` (an object), `datalayer`, `debug`.
///
/// # Errors
/// A `TypeError` that says which option is wrong and what it may be, or that the module has been started already.
#[wasm_bindgen]
pub fn boot(options: &JsValue) -> Result<(), JsValue> {
    let error = |message| JsValue::from(TypeError::new(message));
    let config = Config::read(options).map_err(error)?;
    SHELL.with(|cell| {
        if cell.get().is_some() {
            return Err(error("waver: it has been started on this page already"));
        }
        let _ = cell.set(Shell::start(config));
        Ok(())
    })
}

/// Carries out a command of the page API. What it does is done when this returns; the promise is for what it gives, and is rejected only for a
/// call that is wrong in itself.
#[wasm_bindgen]
pub fn command(name: &str, arguments: &Array) -> Promise {
    match SHELL.with(|cell| cell.get().cloned()) {
        Some(shell) => shell.command(name, arguments),
        None => Promise::reject(&TypeError::new("waver: call boot first")),
    }
}
