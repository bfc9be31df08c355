// The first script of every page under test: it notes what the page's scripts do that consent is about, and from whose code, and changes
// nothing. The sinkhole is the truth about what left; this tells when a request began, and what was stored or asked of the device.
(() => {
  const collector = document.currentScript.dataset.collector;
  const { stringify } = JSON;
  const recorder = { requests: [], writes: [], probes: [], memories: [], errors: [], order: 0 };
  window.recorder = recorder;
  Error.stackTraceLimit = 50;
  // Whether the module under test is what called: everything of it comes from the collector's origin.
  const ours = () => { const { stack } = new Error(); return stack.includes(collector) || stack.includes('wasm'); };
  const note = (list, what) => list.push({ what, ours: ours(), at: performance.now(), order: recorder.order++ });

  const wrap = (object, name, before) => {
    const original = object?.[name];
    if (typeof original !== 'function') return;
    object[name] = function (...given) { before.call(this, given, original); return original.apply(this, given); };
  };
  const wrapSetter = (prototype, name, before) => {
    const property = prototype && Object.getOwnPropertyDescriptor(prototype, name);
    if (!property?.set) return;
    Object.defineProperty(prototype, name, { ...property, set(value) { before(value); property.set.call(this, value); } });
  };
  const wrapGetter = (prototype, name, before) => {
    const property = prototype && Object.getOwnPropertyDescriptor(prototype, name);
    if (!property?.get) return;
    Object.defineProperty(prototype, name, { ...property, get() { before(); return property.get.call(this); } });
  };

  // Requests.
  const begun = (url, method, body) => {
    const text = typeof body === 'string' ? body : body == null ? '' : stringify(String(body));
    const request = { url: new URL(url, location).href, method, body: text, at: performance.now(), wall: Date.now(), order: recorder.order++, ours: ours() };
    recorder.requests.push(request);
    return request;
  };
  const { fetch } = window;
  window.fetch = function (resource, options) {
    const request = begun(resource?.url ?? String(resource), options?.method ?? resource?.method ?? 'GET', options?.body);
    const answer = fetch.apply(this, arguments);
    answer.then((response) => { request.status = response.status; }, () => { request.status = 0; });
    return answer;
  };
  wrap(Navigator.prototype, 'sendBeacon', ([url, body]) => begun(url, 'POST', body));
  wrap(XMLHttpRequest.prototype, 'open', function ([method, url]) { this.recorded = [url, method]; });
  wrap(XMLHttpRequest.prototype, 'send', function ([body]) { begun(...this.recorded, body); });

  // Storage.
  const write = (what) => note(recorder.writes, what);
  for (const name of ['setItem', 'removeItem', 'clear']) {
    wrap(Storage.prototype, name, function ([key]) { write(`${this === window.localStorage ? 'localStorage' : 'sessionStorage'}.${name}:${key ?? ''}`); });
  }
  wrapSetter(Document.prototype, 'cookie', (value) => write(`cookie:${String(value).split('=')[0]}`));
  wrap(window.cookieStore && CookieStore.prototype, 'set', ([cookie]) => write(`cookieStore:${cookie?.name ?? cookie}`));
  wrap(IDBFactory.prototype, 'open', ([name]) => write(`indexedDB:${name}`));
  wrap(window.CacheStorage?.prototype, 'open', ([name]) => write(`cache:${name}`));
  wrap(window.StorageManager?.prototype, 'getDirectory', () => write('opfs'));
  wrap(History.prototype, 'pushState', () => write('history.pushState'));
  wrap(History.prototype, 'replaceState', () => write('history.replaceState'));
  wrapSetter(window, 'name', () => write('window.name'));

  // What fingerprints are made of.
  const probe = (what) => note(recorder.probes, what);
  for (const [prototype, names] of [
    [HTMLCanvasElement.prototype, ['getContext', 'toDataURL', 'toBlob']],
    [window.OffscreenCanvas?.prototype, ['getContext', 'convertToBlob']],
    [CanvasRenderingContext2D.prototype, ['getImageData', 'measureText', 'isPointInPath']],
    [window.WebGLRenderingContext?.prototype, ['getParameter', 'getExtension', 'getSupportedExtensions', 'readPixels']],
    [window.WebGL2RenderingContext?.prototype, ['getParameter', 'getExtension', 'getSupportedExtensions', 'readPixels']],
    [window.BaseAudioContext?.prototype, ['createOscillator', 'createAnalyser', 'createDynamicsCompressor']],
    [window.FontFaceSet?.prototype, ['check', 'load']],
    [window.Navigator?.prototype, ['getBattery', 'getGamepads']],
    [window.NavigatorUAData?.prototype, ['getHighEntropyValues']],
    [window.MediaDevices?.prototype, ['enumerateDevices']],
    [window.SpeechSynthesis?.prototype, ['getVoices']],
  ]) for (const name of names) wrap(prototype, name, () => probe(name));
  for (const name of ['deviceMemory', 'hardwareConcurrency', 'plugins', 'mimeTypes', 'userAgentData', 'platform', 'oscpu', 'languages', 'maxTouchPoints', 'connection']) {
    wrapGetter(Navigator.prototype, name, () => probe(`navigator.${name}`));
  }
  for (const name of ['colorDepth', 'pixelDepth', 'availWidth', 'availHeight']) wrapGetter(Screen.prototype, name, () => probe(`screen.${name}`));

  // The module's memory, for the search for what should be gone.
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async function (...given) {
      const result = await original.apply(this, given);
      const { exports } = result.instance ?? result;
      if (exports?.memory) recorder.memories.push(exports.memory);
      return result;
    };
  }

  addEventListener('error', ({ message }) => recorder.errors.push(message));
  addEventListener('unhandledrejection', ({ reason }) => recorder.errors.push(String(reason)));
  window.restored = false;
  addEventListener('pageshow', ({ persisted }) => { window.restored = persisted; });
})();
