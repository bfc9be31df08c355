//! Notices calls of a method of the page's, such as `dataLayer.push`, without getting in their way.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Proxy, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use crate::{page, value};

/// The arguments of calls that are not looked at yet, while someone listens.
type Calls = Rc<RefCell<Option<Vec<Array>>>>;

/// Notices calls for as long as it lives.
pub(crate) struct Hook {
    object: JsValue,
    method: &'static str,
    original: Function,
    proxy: JsValue,
    calls: Calls,
}

impl Hook {
    /// Calls `notice` with the arguments of each call of `object[method]`, soon after it: in a microtask, so that a fault of ours can
    /// never surface in the page's own call. `None` where there is no such method or it cannot be replaced.
    pub(crate) fn new(object: JsValue, method: &'static str, notice: Box<dyn Fn(Array)>) -> Option<Hook> {
        let original: Function = value::get(&object, method).dyn_into().ok()?;
        let calls: Calls = Rc::new(RefCell::new(Some(Vec::new())));
        let arrived = calls.clone();
        let look = Closure::<dyn Fn()>::new(move || {
            // Taken out first: `notice` may make the page call the method again.
            let calls = arrived.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default();
            calls.into_iter().for_each(&notice);
        });
        let look: Function = look.into_js_value().unchecked_into();
        let waiting = calls.clone();
        let apply = move |target: Function, this: JsValue, arguments: Array| {
            let result = Reflect::apply(&target, &this, &arguments)?;
            if let Some(waiting) = waiting.borrow_mut().as_mut() {
                if waiting.is_empty() {
                    page::queue_microtask(&look);
                }
                waiting.push(arguments);
            }
            Ok(result)
        };
        let apply = Closure::<dyn Fn(Function, JsValue, Array) -> Result<JsValue, JsValue>>::new(apply);
        let handler = Object::new();
        // Never freed: another script may have wrapped the proxy in turn, and will call it long after this hook is gone.
        value::set(&handler, "apply", apply.into_js_value());
        // A proxy keeps the method's name, length and text, and any number of arguments.
        let proxy: JsValue = Proxy::new(&original, &handler).into();
        let replaced = Reflect::set(&object, &method.into(), &proxy).unwrap_or(false);
        replaced.then_some(Hook { object, method, original, proxy, calls })
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.calls.take();
        if value::get(&self.object, self.method) == self.proxy {
            value::set(&self.object, self.method, &self.original);
        }
    }
}
