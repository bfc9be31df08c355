(() => {
  // Everything that forces a layout (by Paul Irish's list), as long as a handler runs, and everything that writes, at any time.
  const LAYOUT = {
    Element: ['clientTop', 'clientLeft', 'clientWidth', 'clientHeight', 'scrollWidth', 'scrollHeight', 'scrollTop', 'scrollLeft',
      'getBoundingClientRect', 'getClientRects', 'checkVisibility', 'computedRole', 'computedName'],
    HTMLElement: ['offsetTop', 'offsetLeft', 'offsetWidth', 'offsetHeight', 'offsetParent', 'innerText', 'focus'],
    MouseEvent: ['offsetX', 'offsetY', 'layerX', 'layerY'],
    Range: ['getBoundingClientRect', 'getClientRects'],
    Document: ['elementFromPoint', 'elementsFromPoint', 'caretRangeFromPoint', 'scrollingElement'],
    Selection: ['toString', 'modify'],
  };
  const OF_WINDOW = ['scrollX', 'scrollY', 'pageXOffset', 'pageYOffset', 'innerWidth', 'innerHeight', 'getComputedStyle'];
  const WRITES = { Storage: ['setItem', 'removeItem', 'clear'], IDBFactory: ['open'], CacheStorage: ['open'] };
  const read = [];
  const written = [];
  const undo = [];
  let handling = false;
  const spy = (object, name, note) => {
    const own = object && Object.getOwnPropertyDescriptor(object, name);
    if (!own?.configurable) return false;
    const wrap = (call) => call && function (...given) { note(); return call.apply(this, given); };
    Object.defineProperty(object, name, own.get ? { ...own, get: wrap(own.get) } : { ...own, value: wrap(own.value) });
    undo.push(() => Object.defineProperty(object, name, own));
    return true;
  };
  let spied = 0;
  for (const [type, names] of Object.entries(LAYOUT)) {
    for (const name of names) spied += spy(window[type]?.prototype, name, () => handling && read.push(`${type}.${name}`));
  }
  for (const name of OF_WINDOW) spied += spy(window, name, () => handling && read.push(name));
  for (const [type, names] of Object.entries(WRITES)) {
    for (const name of names) spied += spy(window[type]?.prototype, name, () => written.push(`${type}.${name}`));
  }
  const cookie = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
  Object.defineProperty(Document.prototype, 'cookie', { ...cookie, set(text) { written.push('cookie'); cookie.set.call(this, text); } });
  undo.push(() => Object.defineProperty(Document.prototype, 'cookie', cookie));
  if (spied < 30) throw new Error(`only ${spied} of the names are there to be spied on`);
  const observer = new MutationObserver((records) => records.forEach(({ type }) => written.push(`document: ${type}`)));

  it.probe = (form) => {
    read.length = 0;
    const button = form.querySelector('button');
    const [price, code, select] = ['p', 'input', 'select'].map((selector) => form.querySelector(selector));
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    const fire = (target, event) => {
      handling = true;
      target.dispatchEvent(event);
      handling = false;
    };
    const pointer = (target, type, more) => fire(target, new PointerEvent(type, { bubbles: true, pointerType: 'mouse', clientX: 9, clientY: 9, ...more }));
    for (const pointerType of ['mouse', 'touch']) {
      for (const target of [price, button, code]) {
        for (const type of ['pointerover', 'pointermove', 'pointerdown', 'pointerup', 'pointercancel', 'pointerout']) {
          pointer(target, type, { pointerType });
        }
        fire(target, new PointerEvent('click', { bubbles: true, detail: 1, pointerType }));
      }
    }
    for (const type of ['focusin', 'focusout', 'invalid']) fire(code, new FocusEvent(type, { bubbles: true }));
    fire(code, new InputEvent('input', { bubbles: true, inputType: 'deleteContentBackward' }));
    fire(select, new Event('change', { bubbles: true }));
    for (const key of ['Tab', 'k']) fire(button, new KeyboardEvent('keydown', { bubbles: true, key }));
    getSelection().selectAllChildren(price);
    fire(document, new Event('selectionchange'));
    getSelection().removeAllRanges();
    fire(document, new Event('scroll'));
    for (const type of ['focus', 'blur', 'resize']) fire(window, new Event(type));
    for (const type of ['submit', 'toggle', 'play', 'copy']) fire(form, new Event(type, { bubbles: true }));
    return [...new Set(read)].join();
  };
  it.written = () => {
    observer.takeRecords().forEach(({ type }) => written.push(`document: ${type}`));
    observer.disconnect();
    undo.forEach((restore) => restore());
    return written.join();
  };
})()
