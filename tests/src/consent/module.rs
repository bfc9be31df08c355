//! The HTML of a page under test.

use std::fmt::Write as _;

use super::site::{Broken, Page};
use super::tool::Tool;

/// What a shopper finds on every page. What is to be clicked and hovered is at the top, where no banner lies over it.
const BODY: &str = "<button id=buy data-waver-zone=cta>Add to cart</button> <b id=price data-waver-zone=price>EUR 49.90</b> \
    <select id=size data-waver-zone=size><option>S<option>M<option>L</select> <button id=route>Another route</button> \
    <button id=forget onclick=\"waver('forget')\">Withdraw</button>\
    <div id=tool hidden>May we? <button id=accept onclick=\"cmp.grant()\">Accept</button> \
    <button id=reject onclick=\"cmp.withdraw()\">Reject</button></div>\
    <div data-waver-slot=product></div><form><input name=coupon data-waver-zone=coupon></form><div style=\"height:3000px\"></div>\
    <script>route.onclick = () => history.pushState(null, '', '/product?' + Math.random());</script>";

/// The stubs of the IAB's documents: they answer `ping` and keep everything else for later.
const TCF_STUB: &str = "<script>(() => { const waiting = []; window.__tcfapi = (...call) => { \
    if (!call.length) return waiting; if (call[0] === 'ping') call[2]({ gdprApplies: undefined, cmpLoaded: false, cmpStatus: 'stub' }, true); \
    else waiting.push(call); }; })();</script>";

/// The stub of the GPP specification's example: it keeps its listeners where only itself knows.
pub(crate) const GPP_STUB: &str = "<script>(() => { const queue = [], events = []; let last = 0; \
    window.__gpp = (command, callback, parameter) => { \
    if (command === 'queue') return queue; \
    const status = { gppVersion: '1.1', cmpStatus: 'stub', cmpDisplayStatus: 'hidden', signalStatus: 'not ready', supportedAPIs: [], cmpId: 0, \
      sectionList: [], applicableSections: [], gppString: '', parsedSections: {} }; \
    if (command === 'ping') callback(status, true); \
    else if (command === 'addEventListener') { const id = ++last; events.push({ id, callback, parameter }); \
      callback({ eventName: 'listenerRegistered', listenerId: id, data: true, pingData: status }, true); } \
    else if (command === 'hasSection') callback(false, true); \
    else queue.push([command, callback, parameter]); }; \
    __EVENTS__ })();</script>";

/// What makes it the other kind of stub: one that gives its listeners to who takes over.
pub(crate) const GPP_STUB_HANDS_OVER: &str =
    "const alone = window.__gpp; window.__gpp = (...call) => call[0] === 'events' ? events : alone(...call);";

fn stub(tool: Tool) -> String {
    match tool {
        Tool::Gpp => GPP_STUB.replace("__EVENTS__", ""),
        _ => TCF_STUB.to_owned(),
    }
}

fn broken(tool: Tool, how: Broken) -> String {
    let global = tool.global();
    match how {
        Broken::Absent => String::new(),
        Broken::NotFound => "<script async src=/packages/no/such.js></script>".to_owned(),
        // After the page has loaded, for which nobody would wait otherwise.
        Broken::Hung => {
            "<script>addEventListener('load', () => setTimeout(() => { const tool = document.createElement('script'); \
                         tool.src = '/hung.js'; document.head.append(tool); }));</script>"
                .to_owned()
        }
        Broken::Throwing => format!(
            "<script>const evil = () => {{ throw new Error('the tool is broken'); }}; window.{global} = new Proxy(evil, \
             {{ get: evil, has: evil, apply: evil, construct: evil, ownKeys: evil, getPrototypeOf: () => null }}); \
             setTimeout(() => {{ for (const kind of ['cc:onConsent', 'tac.consent_updated', 'orejime.loaded']) \
             {{ dispatchEvent(new Event(kind)); document.dispatchEvent(new Event(kind)); }} }}, 500);</script>\
             <script>throw new Error('the tool is broken')</script>"
        ),
        // Truthy whatever is asked, calls every callback with more of itself, and never says a plain `true`.
        Broken::Garbage => format!(
            "<script>const odd = new Proxy(function () {{}}, {{ \
             get: (_, name) => name === Symbol.toPrimitive ? () => 'granted' : name === 'then' ? undefined : name === 'length' ? 1e9 : odd, \
             apply: (_, self, given) => {{ for (const one of given) if (typeof one === 'function' && one !== odd) one(odd, odd); return odd; }} }}); \
             window.{global} = odd; setTimeout(() => {{ for (const kind of ['cc:onConsent', 'tac.consent_updated', 'orejime.loaded']) \
             {{ dispatchEvent(new CustomEvent(kind, {{ detail: odd }})); document.dispatchEvent(new CustomEvent(kind, {{ detail: odd }})); }} }}, 500);\
             </script>"
        ),
        Broken::Stub => stub(tool),
    }
}

/// The page as HTML. `collector` is the origin that the module comes from and sends to.
pub(crate) fn page(page: &Page, collector: &str) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>A product</title><link rel=icon href=data:,>\
         <script src=/pages/recorder.js data-collector=\"{collector}\"></script>\
         <script src=/pages/driver.js data-collector=\"{collector}\"></script>\
         <script>window.variant = \"{}\"; window.collector = \"{collector}\"; window.dataLayer = window.dataLayer || [];</script>{}",
        page.variant, page.head
    );
    let mut tail = String::new();
    match (page.tool, page.broken) {
        (Some(tool), Some(how)) => html.push_str(&broken(tool, how)),
        (Some(tool), None) => {
            html.push_str(tool.head());
            // In the head where the tool's own script reads its settings, at the end where it needs the body.
            let script = format!("<script src={}></script>", tool.script());
            if matches!(tool, Tool::Klaro | Tool::Orejime) { html.push_str(&script) } else { tail = script }
        }
        (None, _) => {}
    }
    let stub = include_str!("../../../www/shop/waver-stub.js");
    let _ = write!(html, "<script>{stub}</script>");
    if page.module {
        let categories =
            page.tool.and_then(Tool::categories).map(|map| format!("data-cmp='{map}'")).unwrap_or_default();
        let _ = write!(
            html,
            "<script async src=\"{collector}/waver.js\" data-site=demo {categories} {} crossorigin></script>",
            page.attributes
        );
    }
    if let Some(tracker) = page.tracker {
        let _ = write!(tail, "<script src=/bundles/{tracker}.js></script>");
    }
    let _ = write!(html, "</head><body data-page=product>{BODY}{tail}</body></html>");
    html
}
