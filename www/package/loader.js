// What `/waver.js` is: it finds its own tag, brings in the module under a version that never changes, and answers the calls that
// came before it. Everything is checked against the hashes that were fixed when it was built. Nothing here looks at the shopper.
import { activated, completed } from './options.js';

const tag = document.currentScript;
const early = window.waver;

if (early?.started) {
  console.warn('waver: this page includes the script twice; the second one does nothing');
} else {
  start();
}

function start() {
  const waiting = [...(early?.q ?? [])];
  // Whoever asks for an offer before the module is there has an answer in time all the same.
  const hurry = ([[name, slot, options], resolve]) => {
    if (name === 'offer') setTimeout(() => resolve(unavailable(slot)), options?.timeout_ms ?? 1000);
  };
  waiting.forEach(hurry);
  let run = (call) => {
    hurry(call);
    waiting.push(call);
  };

  window.waver = (...call) => new Promise((resolve, reject) => run([call, resolve, reject]));
  window.waver.started = true;

  load()
    .then(() => {
      run = ([[name, ...rest], resolve, reject]) => wasm_bindgen.command(String(name), rest).then(resolve, reject);
    })
    .catch((error) => {
      // Wrong options, a browser without WebAssembly, a policy that forbids it, a network that fails: the page goes on as if we were not there.
      const { message = 'not started' } = error ?? {};
      if (message.startsWith('waver:')) console.error(message);
      else console.warn(`waver: not started on this page: ${message}`);
      run = ([[name, slot], resolve]) => resolve(name === 'offer' ? unavailable(slot) : null);
    })
    .then(() => {
      // Choices of consent go first, whatever was called before them.
      const isConsent = ([[name]]) => name === 'consent';
      [...waiting.filter(isConsent), ...waiting.filter((call) => !isConsent(call))].forEach((call) => run(call));
    });
}

async function load() {
  if (!tag) throw new TypeError('waver: include it by a <script src> tag; for imports there is the ES package');
  const { origin } = new URL(tag.src);
  const { cmp, debug, model, ...given } = tag.dataset;
  const options = completed({ endpoint: origin, ...given, cmp: cmp && parsed(cmp), debug: debug !== undefined });
  const sdk = new URL(`sdk/${__WAVER_VERSION__}/`, tag.src);
  const module = fetch(new URL('waver_bg.wasm', sdk), {
    integrity: __WAVER_WASM_SRI__, credentials: 'omit', referrerPolicy: 'no-referrer',
  });
  module.catch(() => {}); // its failure is told below, once the glue is there
  const intent = model === undefined ? undefined : loadModel(new URL(model, tag.src));
  await loadGlue(new URL('waver.js', sdk));
  await wasm_bindgen({ module_or_path: module });
  await activated();
  wasm_bindgen.boot({ ...options, model: await intent });
}

// The artifact that scores intent, if the tag names one. Without it the module goes on by rules, and its scores say so.
async function loadModel(url) {
  try {
    const answer = await fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer' });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  } catch ({ message }) {
    console.warn(`waver: intent goes by rules, since ${url} cannot be loaded: ${message}`);
    return undefined;
  }
}

// A script element, because only elements carry an integrity hash; the module itself is fetched with one.
function loadGlue(src) {
  const glue = document.createElement('script');
  glue.src = src;
  glue.integrity = __WAVER_JS_SRI__;
  glue.crossOrigin = 'anonymous';
  document.head.append(glue);
  return new Promise((resolve, reject) => {
    glue.onload = resolve;
    glue.onerror = () => reject(new Error(`cannot load ${src}`));
  });
}

function parsed(cmp) {
  try {
    return JSON.parse(cmp);
  } catch {
    return null; // no map, which is said with the other options
  }
}

// What a page is told when nobody can decide.
function unavailable(slot) {
  return {
    decision: null, slot, offer: null, reason: 'fallback', arm: 'nothing', propensity: 1, holdout: false, policy: '', model: '', explain: [], now: 0,
  };
}
