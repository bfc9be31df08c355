//! Notices calls of a method of the page's, such as `dataLayer.push`, without getting in their way.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Proxy, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use crate::value;

/// The arguments of calls that are not looked at yet, while someone listens.
type Calls = Rc<RefCell<Option<Vec<Array>>>>;

/// Notices calls for as long as it lives.
pub(crate) struct Hook {
    object: JsValue,
    method: &'static str,
    original: Function,
    proxy: Proxy,
    calls: Calls,
}

impl Hook {
    /// Calls `notice` with the arguments of each call of `object[method]`, soon after it: in a microtask, so that a fault of ours can
    /// never surface in the page's own call. `None` where there is no such method or it cannot be replaced.
    pub(crate) fn new(object: &JsValue, method: &'static str, notice: impl Fn(Array) + 'static) -> Option<Hook> {
        let original: Function = value::get(object, method).dyn_into().ok()?;
        let calls: Calls = Rc::new(RefCell::new(Some(Vec::new())));
        let look = looker(calls.clone(), notice);
        let waiting = calls.clone();
        let apply = move |target: Function, this: JsValue, arguments: Array| {
            let result = Reflect::apply(&target, &this, &arguments)?;
            if let Ok(mut waiting) = waiting.try_borrow_mut()
                && let Some(waiting) = waiting.as_mut()
            {
                if waiting.is_empty()
                    && let Some(window) = web_sys::window()
                {
                    window.queue_microtask(&look);
                }
                waiting.push(arguments);
            }
            Ok(result)
        };
        let apply = Closure::<dyn Fn(Function, JsValue, Array) -> Result<JsValue, JsValue>>::new(apply);
        let handler = Object::new();
        // Never freed: another script may have wrapped the proxy in turn, and will call it long after this hook is gone.
        value::set(&handler, "apply", &apply.into_js_value());
        // A proxy keeps the method's name, length and text, and any number of arguments.
        let proxy = Proxy::new(&original, &handler);
        let replaced = Reflect::set(object, &method.into(), &proxy).unwrap_or(false);
        replaced.then(|| Hook { object: object.clone(), method, original, proxy, calls })
    }
}

fn looker(calls: Calls, notice: impl Fn(Array) + 'static) -> Function {
    let look = move || {
        // Taken out first: `notice` may make the page call the method again.
        let arrived = calls.try_borrow_mut().ok().and_then(|mut calls| calls.as_mut().map(std::mem::take));
        arrived.into_iter().flatten().for_each(&notice);
    };
    Closure::<dyn Fn()>::new(look).into_js_value().unchecked_into()
}

impl Drop for Hook {
    fn drop(&mut self) {
        if let Ok(mut calls) = self.calls.try_borrow_mut() {
            *calls = None;
        }
        let proxy: &JsValue = self.proxy.as_ref();
        if value::get(&self.object, self.method) == *proxy {
            let _ = Reflect::set(&self.object, &self.method.into(), &self.original);
        }
    }
}
