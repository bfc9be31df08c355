// What `/waver.js` is: it finds its own tag, brings in the module under a version that never changes, and answers the calls that
// came before it. Everything is checked against the hashes that were fixed when it was built. Nothing here looks at the shopper.
const tag = document.currentScript;
const early = window.waver;

if (!tag?.dataset.site) {
  console.error('waver: the script tag needs data-site="YOUR-SITE-KEY"; nothing was started');
} else if (early?.started) {
  console.warn('waver: this page includes the script twice; the second one does nothing');
} else {
  start();
}

function start() {
  const { site, endpoint = new URL(tag.src).origin, consent, preconsent, cmp, datalayer, debug } = tag.dataset;
  const sdk = new URL(`sdk/${__WAVER_VERSION__}/`, tag.src);
  const waiting = [...(early?.q ?? [])];
  let run = (call) => waiting.push(call);

  window.waver = (...call) => new Promise((resolve, reject) => run([call, resolve, reject]));
  window.waver.started = true;

  load(sdk)
    .then(() => {
      wasm_bindgen.boot({ site, endpoint, consent, preconsent, datalayer, cmp: parsed(cmp), debug: debug !== undefined });
      run = ([[name, ...rest], resolve, reject]) => wasm_bindgen.command(name, rest).then(resolve, reject);
    })
    .catch((error) => {
      // A browser without WebAssembly, a policy that forbids it, a network that fails: the page goes on as if we were not there.
      console.warn('waver: not started on this page:', error?.message ?? error);
      run = ([[name, slot], resolve]) => resolve(name === 'offer' ? unavailable(slot) : null);
    })
    .then(() => {
      // Choices of consent go first, whatever was called before them.
      const isConsent = ([[name]]) => name === 'consent';
      [...waiting.filter(isConsent), ...waiting.filter((call) => !isConsent(call))].forEach((call) => run(call));
    });
}

// A script element, because only elements carry an integrity hash; the module itself is fetched with one.
async function load(sdk) {
  const glue = document.createElement('script');
  const loaded = new Promise((resolve, reject) => {
    glue.onload = resolve;
    glue.onerror = () => reject(new Error(`cannot load ${glue.src}`));
  });
  glue.src = new URL('waver.js', sdk);
  glue.integrity = __WAVER_JS_SRI__;
  glue.crossOrigin = 'anonymous';
  const module = fetch(new URL('waver_bg.wasm', sdk), {
    integrity: __WAVER_WASM_SRI__, credentials: 'omit', referrerPolicy: 'no-referrer',
  });
  module.catch(() => {}); // its failure is told below, once the glue is there
  document.head.append(glue);
  await loaded;
  await wasm_bindgen({ module_or_path: module });
}

function parsed(cmp) {
  try {
    return cmp && JSON.parse(cmp);
  } catch {
    console.error('waver: data-cmp is not JSON; it maps category names of your consent banner to "measure" or "personalize"');
  }
}

// What a page is told when nobody can decide.
const unavailable = (slot) => ({
  decision: null, slot, offer: null, reason: 'fallback', arm: 'nothing', propensity: 1, holdout: false, policy: '', model: '', explain: [],
});
