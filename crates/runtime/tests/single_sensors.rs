//! Each sensor alone: what it makes of the browser's events, what it leaves alone, and that none of them reads a layout or writes anything.
#![cfg(target_family = "wasm")]

mod page;

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use page::{act, add, frame, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use waver_core::{FieldAct, FieldClass, KeyClass, Press, Pressed, PressedBy, Selected, SignalKind};
use waver_schema::Zone;
use web_sys::HtmlElement;

wasm_bindgen_test_configure!(run_in_browser);

/// The sensors at work, and what they saw.
struct Watch {
    seen: Rc<RefCell<Vec<SignalKind>>>,
    _sensors: Box<dyn Any>,
}

impl Watch {
    fn begin() -> Watch {
        let seen: Rc<RefCell<Vec<SignalKind>>> = Rc::default();
        let sink = seen.clone();
        let sensors = waver_runtime::sense(Rc::new(move |kind, _| sink.borrow_mut().push(kind)));
        Watch { seen, _sensors: sensors }
    }

    /// What was seen since this was last asked, of the kinds that `which` picks.
    fn take<T>(&self, which: impl Fn(SignalKind) -> Option<T>) -> Vec<T> {
        self.seen.take().into_iter().filter_map(which).collect()
    }

    fn presses(&self) -> Vec<(Option<Zone>, Press)> {
        self.take(|kind| if let SignalKind::Click { zone, press } = kind { Some((zone, press)) } else { None })
    }

    fn fields(&self) -> Vec<(FieldClass, FieldAct)> {
        self.take(|kind| if let SignalKind::Field { class, act, .. } = kind { Some((class, act)) } else { None })
    }

    fn choices(&self) -> Vec<(u32, u32)> {
        self.take(|kind| if let SignalKind::Variant { group, choice } = kind { Some((group, choice)) } else { None })
    }

    fn selections(&self) -> Vec<Selected> {
        self.take(|kind| if let SignalKind::Selection { of } = kind { Some(of) } else { None })
    }

    async fn until_seen(&self, what: &str, expected: SignalKind) {
        until(what, || self.seen.borrow().contains(&expected)).await;
        self.seen.take();
    }
}

/// Puts markup in the place of what was there, and makes its element `it.at` for the page's own code.
fn at(markup: &str) -> HtmlElement {
    act("it.at?.remove()");
    let element = add(markup);
    page::set(&act("it"), "at", &element);
    element
}

const CLICK: &str = "it.click = (element, more) => element.dispatchEvent(new PointerEvent('click', \
    { bubbles: true, cancelable: true, detail: 1, pointerType: 'mouse', clientX: 40, clientY: 50, ...more }))";

#[wasm_bindgen_test]
async fn clicks_say_where_on_what_and_by_what() {
    act(CLICK);
    let watch = Watch::begin();
    at(
        "<div><button data-waver-zone=cta><b>Add</b></button><p>Text</p><a href='/elsewhere'>Away</a><a href='#x'>Here</a>\
        <input type=text><div class=swiper><button>next</button><button data-waver-zone=cta>Buy</button></div>\
        <div data-waver-ignore><button>No</button></div></div>",
    );
    act("it.at.addEventListener('click', (event) => event.preventDefault())");
    for more in ["{}", "{ pointerType: 'touch' }", "{ detail: 0, pointerType: '' }"] {
        act(&format!("it.click(it.at.querySelector('b'), {more})"));
    }
    let presses = watch.presses();
    assert!(presses.iter().all(|(zone, press)| *zone == Some(Zone::Cta)
        && (press.on, press.watched, press.target) == (Pressed::Control, true, presses[0].1.target)));
    let by: Vec<_> = presses.iter().map(|(_, press)| (press.by, press.x, press.y)).collect();
    assert_eq!(by, [(PressedBy::Mouse, 40, 50), (PressedBy::Touch, 40, 50), (PressedBy::Keyboard, 0, 0)]);
    for (selector, expected) in [
        ("p", (Pressed::Content, true)),
        ("a", (Pressed::Control, false)),
        ("a[href='#x']", (Pressed::Control, true)),
        ("input", (Pressed::Field, false)),
        (".swiper button", (Pressed::Repeater, false)),
        (".swiper [data-waver-zone]", (Pressed::Control, true)),
    ] {
        act(&format!("it.click(it.at.querySelector(\"{selector}\"))"));
        let found: Vec<_> = watch.presses().iter().map(|(_, press)| (press.on, press.watched)).collect();
        assert_eq!(found, [expected], "{selector}");
    }
    act("it.click(it.at.querySelector('[data-waver-ignore] button'))");
    assert_eq!(watch.presses().len(), 0, "what is to be ignored");
}

#[wasm_bindgen_test]
async fn an_answer_of_the_page_is_told_once_and_only_to_a_click() {
    act(CLICK);
    at(
        "<div><button>Buy</button><i></i><div class=box style='height:20px;overflow:auto'><p style='height:900px'></div></div>",
    );
    let watch = Watch::begin();
    let answers = || watch.take(|kind| (kind == SignalKind::Response).then_some(())).len();
    act("it.at.querySelector('i').textContent = 'before'");
    frame(20).await;
    assert_eq!(answers(), 0, "nobody had clicked");
    act("it.click(it.at.querySelector('button'))");
    frame(20).await;
    assert_eq!(answers(), 0, "nothing has changed");
    act("(it.at.querySelector('i').textContent = 'after', it.at.querySelector('i').className = 'more')");
    watch.until_seen("the change", SignalKind::Response).await;
    act("it.at.querySelector('i').className = 'later'");
    frame(20).await;
    assert_eq!(answers(), 0, "the click has its answer");
    act("it.click(it.at.querySelector('button'))");
    act("it.at.querySelector('.box').scrollTop = 300");
    watch.until_seen("the scrolling of a box", SignalKind::Response).await;
}

#[wasm_bindgen_test]
async fn fingers_come_down_and_go_up() {
    let watch = Watch::begin();
    at("<div><p>Text</p><p data-waver-ignore>No</p></div>");
    let finger = |kind: &str, selector: &str, pointer: &str| {
        act(&format!(
            "it.at.querySelector('{selector}').dispatchEvent(new PointerEvent('{kind}', \
            {{ bubbles: true, pointerType: '{pointer}', clientX: 7, clientY: 9 }}))"
        ));
    };
    for kind in ["pointerdown", "pointerup", "pointerdown", "pointercancel"] {
        finger(kind, "p", "touch");
        finger(kind, "p", "mouse");
        finger(kind, "[data-waver-ignore]", "touch");
    }
    let touches =
        watch.take(|kind| if let SignalKind::Touch { down, x, y } = kind { Some((down, x, y)) } else { None });
    assert_eq!(touches, [(true, 7, 9), (false, 7, 9), (true, 7, 9), (false, 7, 9)]);
}

#[wasm_bindgen_test]
async fn fields_tell_what_happens_to_them_and_never_what_is_in_them() {
    let watch = Watch::begin();
    act("(it.values = 0, it.value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value'), \
        Object.defineProperty(HTMLInputElement.prototype, 'value', { ...it.value, get() { it.values++; return it.value.get.call(this); } }))");
    at("<form><input autocomplete=postal-code required><input name=coupon_code placeholder=Code><input type=checkbox>\
        <input type=password name=name><select name=country><option>A</select><div data-waver-ignore><input name=email></div></form>");
    act("(it.put = (field, value) => it.value.set.call(field, value), it.say = (selector, kind, more) => \
        it.at.querySelector(selector).dispatchEvent(new (kind === 'input' ? InputEvent : FocusEvent)(kind, { bubbles: kind !== 'invalid', ...more })))");
    let field = "[autocomplete]";
    for (kind, more) in
        [("focusin", "{}"), ("input", "{ inputType: 'insertText' }"), ("input", "{ inputType: 'insertText' }")]
    {
        act(&format!("(it.put(it.at.querySelector('{field}'), 'x'), it.say('{field}', '{kind}', {more}))"));
    }
    act(&format!(
        "(it.put(it.at.querySelector('{field}'), ''), it.say('{field}', 'input', {{ inputType: 'deleteContentBackward' }}))"
    ));
    act(&format!("(it.say('{field}', 'invalid'), it.say('{field}', 'focusout'))"));
    let acts = [FieldAct::Focus, FieldAct::Edit, FieldAct::Clear, FieldAct::Invalid, FieldAct::Blur];
    assert_eq!(watch.fields(), acts.map(|act| (FieldClass::Address, act)), "an edit is told once in a while");
    for (selector, class) in [
        ("[name=coupon_code]", FieldClass::Coupon),
        ("[type=password]", FieldClass::Other),
        ("select", FieldClass::Address),
    ] {
        act(&format!("it.say('{selector}', 'focusin')"));
        assert_eq!(watch.fields(), [(class, FieldAct::Focus)], "{selector}");
    }
    for selector in ["[type=checkbox]", "[name=email]"] {
        act(&format!("(it.say('{selector}', 'focusin'), it.say('{selector}', 'input'))"));
        assert_eq!(watch.fields(), [], "{selector}");
    }
    assert_eq!(act("it.values"), 0, "values were read");
    act("Object.defineProperty(HTMLInputElement.prototype, 'value', it.value)");
}

#[wasm_bindgen_test]
async fn keys_are_told_by_what_they_are_for_and_typing_is_not() {
    let watch = Watch::begin();
    at("<div><button>Buy</button><input name=q></div>");
    act(
        "it.key = (selector, key) => it.at.querySelector(selector).dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, key }))",
    );
    for (selector, key) in
        [("button", "Tab"), ("button", "Tab"), ("button", "k"), ("input", "k"), ("input", "ArrowLeft")]
    {
        act(&format!("it.key('{selector}', '{key}')"));
    }
    let keys = || watch.take(|kind| if let SignalKind::Key { class } = kind { Some(class) } else { None });
    assert_eq!(keys(), [KeyClass::Move, KeyClass::Other]);
    frame(300).await;
    act("it.key('input', 'Tab')");
    assert_eq!(keys(), [KeyClass::Move], "it moves the focus on");
}

#[wasm_bindgen_test]
async fn selected_text_is_told_by_its_kind_and_never_read() {
    at(
        "<div><h1>Backpack</h1><p data-waver-zone=price>89</p><p class=other>Text</p><p data-waver-ignore class=no>No</p></div>",
    );
    act(
        "(it.read = 0, it.text = Selection.prototype.toString, Selection.prototype.toString = function () { it.read++; return it.text.call(this); })",
    );
    let watch = Watch::begin();
    for (selector, of) in [("h1", Selected::Title), ("[data-waver-zone]", Selected::Price), (".other", Selected::Other)]
    {
        act("getSelection().removeAllRanges()");
        frame(30).await;
        act(&format!("getSelection().selectAllChildren(it.at.querySelector('{selector}'))"));
        watch.until_seen(selector, SignalKind::Selection { of }).await;
    }
    act("getSelection().removeAllRanges()");
    frame(30).await;
    // While the button is down the selection still grows.
    act("it.at.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))");
    act("getSelection().selectAllChildren(it.at.querySelector('h1'))");
    frame(30).await;
    assert_eq!(watch.selections(), []);
    act(
        "(it.at.dispatchEvent(new PointerEvent('pointerup', { bubbles: true })), it.at.dispatchEvent(new PointerEvent('pointerup', { bubbles: true })))",
    );
    assert_eq!(watch.selections(), [Selected::Title], "once");
    act("getSelection().removeAllRanges()");
    frame(30).await;
    act("getSelection().selectAllChildren(it.at.querySelector('.no'))");
    frame(30).await;
    assert_eq!(watch.selections(), []);
    assert_eq!(act("(Selection.prototype.toString = it.text, getSelection().removeAllRanges(), it.read)"), 0);
}

#[wasm_bindgen_test]
async fn errors_of_scripts_are_told_and_those_of_pictures_and_observers_are_not() {
    let watch = Watch::begin();
    at("<img>");
    // Ours to make, and not the test's to fail by.
    act(
        "(it.kept = [onerror, onunhandledrejection], onerror = () => true, onunhandledrejection = (event) => event.preventDefault(), 0)",
    );
    act(
        "dispatchEvent(new ErrorEvent('error', { message: 'ResizeObserver loop completed with undelivered notifications.' }))",
    );
    act("dispatchEvent(new ErrorEvent('error', { message: 'x', filename: 'chrome-extension://abc/x.js' }))");
    act("it.at.dispatchEvent(new Event('error'))");
    let errors = || watch.take(|kind| (kind == SignalKind::ScriptError).then_some(())).len();
    assert_eq!(errors(), 0);
    act("dispatchEvent(new ErrorEvent('error', { message: 'x is not a function', cancelable: true }))");
    act(
        "dispatchEvent(new PromiseRejectionEvent('unhandledrejection', { promise: Promise.resolve(), cancelable: true }))",
    );
    assert_eq!(errors(), 2);
    act("([onerror, onunhandledrejection] = it.kept, 0)");
}

#[wasm_bindgen_test]
async fn the_windows_focus_is_told_and_a_fields_or_a_frames_is_not() {
    let watch = Watch::begin();
    at("<input>");
    let focus = || watch.take(|kind| if let SignalKind::Window { focused } = kind { Some(focused) } else { None });
    act("(it.has = false, document.hasFocus = () => it.has, it.at.dispatchEvent(new FocusEvent('blur')), 0)");
    assert!(focus().is_empty());
    act("dispatchEvent(new FocusEvent('blur'))");
    act("(it.has = true, dispatchEvent(new FocusEvent('focus')))");
    act("dispatchEvent(new FocusEvent('blur'))");
    assert_eq!(focus(), [false, true], "the last one went to a frame of the page's");
    act("delete document.hasFocus");
}

#[wasm_bindgen_test]
async fn variants_are_told_when_the_choice_changes() {
    act(CLICK);
    let watch = Watch::begin();
    at(
        "<div><fieldset data-waver-zone=variant><input type=radio name=c class=a><input type=radio name=c class=b></fieldset>\
        <div data-waver-zone=size><button class=s>S</button><button class=m>M</button></div>\
        <table class=variations><tr><td><select><option>1<option>2</select></table>\
        <fieldset><input type=radio name=d class=other></fieldset></div>",
    );
    act(
        "it.change = (selector) => it.at.querySelector(selector).dispatchEvent(new Event('change', { bubbles: true }))",
    );
    for radio in [".a", ".b", ".b", ".a", ".other"] {
        act(&format!("it.change('{radio}')"));
    }
    let radios = watch.choices();
    assert!(matches!(radios[..], [(g, a), (h, b), (i, c)] if g == h && h == i && a == c && a != b), "{radios:?}");
    for button in [".s", ".m", ".s"] {
        act(&format!("it.click(it.at.querySelector('{button}'))"));
    }
    let buttons = watch.choices();
    assert!(matches!(buttons[..], [(g, s), (_, m), (_, t)] if g != radios[0].0 && s == t && s != m), "{buttons:?}");
    act("(it.at.querySelector('select').selectedIndex = 1, it.change('select'))");
    assert_eq!(watch.choices().iter().map(|(_, choice)| *choice).collect::<Vec<_>>(), [2]);
}

#[wasm_bindgen_test]
async fn going_back_is_told_and_going_on_is_not() {
    let watch = Watch::begin();
    let backs = || watch.take(|kind| (kind == SignalKind::Back).then_some(())).len();
    act("(it.entry = location.href, history.pushState(0, '', '?first'), history.pushState(0, '', '?second'))");
    frame(30).await;
    assert_eq!(backs(), 0);
    act("history.back()");
    watch.until_seen("the way back", SignalKind::Back).await;
    act("history.forward()");
    until("the way on", || act("location.search") == "?second").await;
    frame(30).await;
    assert_eq!(backs(), 0, "the way on");
    act("history.replaceState(0, '', it.entry)");
}

#[wasm_bindgen_test]
async fn parts_come_into_sight_on_a_touch_screen() {
    act("(it.media = matchMedia, window.matchMedia = () => ({ matches: true }), 0)");
    at(
        "<div><div style='height:3000px'></div><p data-waver-zone=price style='height:20px'>89</p><div style='height:3000px'></div></div>",
    );
    let watch = Watch::begin();
    let price = |visible| SignalKind::ZoneSight { zone: Zone::Price, visible };
    act("it.at.querySelector('p').scrollIntoView({ behavior: 'instant' })");
    watch.until_seen("the price", price(true)).await;
    act("scrollTo({ top: 0, behavior: 'instant' })");
    watch.until_seen("the price to go", price(false)).await;
    act("window.matchMedia = it.media");
}

#[wasm_bindgen_test]
async fn no_sensor_reads_a_layout_in_a_handler_or_writes_anything() {
    act(CLICK);
    act(include_str!("page/probe.js"));
    at(
        "<form><button type=button data-waver-zone=cta>Buy</button><p data-waver-zone=price>89</p><input name=coupon_code placeholder=Code required>\
        <select data-waver-zone=variant><option>1<option>2</select></form>",
    );
    act("addEventListener('click', it.control = () => it.at.offsetTop, true)");
    assert_eq!(act("it.probe(it.at)"), "HTMLElement.offsetTop", "what it finds where there is something to find");
    act("removeEventListener('click', it.control, true)");
    let watch = Watch::begin();
    let seen = act("it.probe(it.at)");
    assert!(watch.seen.borrow().len() > 15, "the events were seen: {:?}", watch.seen.borrow());
    frame(60).await;
    assert_eq!(seen, "", "read or written in a handler");
    assert_eq!(act("it.written()"), "", "written at any time");
}
