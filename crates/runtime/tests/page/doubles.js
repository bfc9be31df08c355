// Doubles of consent tools: as much of each as we ask of it, lying as the real one was measured to. The real ones are driven by
// the conformance suite; here are the moments that are hard to bring about there, and Shopify, which cannot be had at all.

const write = (name, value) => {
  document.cookie = `${name}=${value}; path=/`;
};
const erase = (name) => {
  document.cookie = `${name}=; path=/; max-age=0`;
};
const read = (name) => document.cookie.split('; ').find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
const happen = (target, type) => target.dispatchEvent(new CustomEvent(type));

function klaro() {
  const watchers = new Set();
  const tell = (name) => watchers.forEach((watcher) => watcher.update(manager, name, {}));
  // `default: true`
  const consents = { analytics: true, personalization: true };
  const manager = {
    confirmed: false, consents, savedConsents: { ...consents },
    store: { get: () => read('klaro') },
    getConsent: (name) => manager.consents[name],
    watch: (watcher) => watchers.add(watcher),
  };
  window.klaro = { getManager: () => manager, version: () => '0.7.22' };
  return {
    toggle(name, on) {
      manager.consents[name] = on;
      tell('consents');
    },
    save() {
      write('klaro', encodeURIComponent(JSON.stringify(manager.consents)));
      manager.confirmed = true;
      manager.savedConsents = { ...manager.consents };
      tell('saveConsents');
    },
    inOtherTab: (choices) => write('klaro', encodeURIComponent(JSON.stringify(choices))),
    remove() {
      delete window.klaro;
      erase('klaro');
    },
  };
}

function orejime() {
  const listeners = {};
  const tell = (name, ...about) => (listeners[name] ?? []).forEach((listener) => listener(...about));
  let consents = { analytics: false, personalization: false };
  let dirty = true;
  const manager = {
    on: (name, listener) => (listeners[name] ??= []).push(listener),
    isDirty: () => dirty,
    getConsent: (name) => consents[name],
  };
  window.orejime = { manager, config: { cookie: {} } };
  happen(document, 'orejime.loaded');
  return {
    choose(choices) {
      consents = { ...consents, ...choices };
      write('eu-consent', encodeURIComponent(JSON.stringify(consents)));
      tell('update', choices, consents);
      dirty = false;
      tell('dirty', dirty);
    },
    clear() {
      consents = { analytics: false, personalization: false };
      tell('update', consents, consents);
      dirty = true;
      tell('dirty', dirty);
      erase('eu-consent');
      tell('clear');
    },
    inOtherTab: (choices) => write('eu-consent', encodeURIComponent(JSON.stringify(choices))),
    remove() {
      delete window.orejime;
      erase('eu-consent');
    },
  };
}

function tarteaucitron() {
  const service = { needConsent: true };
  const tool = {
    version: '1.34.0', highPrivacy: true, parameters: {}, user: {}, state: {}, services: { analytics: service, personalization: { ...service } },
    cookie: { read: () => read('tarteaucitron') ?? '' },
  };
  write('tarteaucitron', '!analytics=wait!personalization=wait');
  window.tarteaucitron = tool;
  const store = () => {
    write('tarteaucitron', ['analytics', 'personalization'].map((key) => `!${key}=${tool.state[key] ?? 'wait'}`).join(''));
    happen(document, 'tac.consent_updated');
  };
  return {
    tool,
    respond(key, status) {
      tool.state[key] = status;
      store();
      happen(document, `${key}_${status ? 'allowed' : 'disallowed'}`);
    },
    inOtherTab: (cookie) => write('tarteaucitron', cookie),
    remove() {
      delete window.tarteaucitron;
      erase('tarteaucitron');
    },
  };
}

function c15t() {
  const subscribers = new Set();
  const consents = { necessary: true, measurement: true, experience: true };
  let consented = false;
  const state = {
    consents,
    hasConsented: () => consented,
    has(name) {
      if (!(name in consents)) throw new Error(`Consent category "${name}" not found`);
      return consents[name];
    },
  };
  window.c15tStore = { getState: () => state, subscribe: (subscriber) => subscribers.add(subscriber) };
  return {
    save(choices) {
      Object.assign(consents, choices);
      consented = true;
      subscribers.forEach((subscriber) => subscriber(state));
      const granted = Object.keys(consents).filter((name) => consents[name]);
      write('c15t', `${granted.map((name) => `c.${name}:1`).join(',')},i.t:1795000000000`);
    },
    inOtherTab: () => write('c15t', 'c.necessary:1,i.t:1795000000000'),
    remove() {
      delete window.c15tStore;
      erase('c15t');
    },
  };
}

function shopify() {
  const consent = { analytics: '', preferences: '', marketing: '', sale_of_data: '' };
  // Allowed without a choice: no banner is required where this visitor is.
  const allowed = { analytics: true, preferences: true };
  let loads = 0;
  window.Shopify = {
    loadFeatures(_features, done) {
      loads += 1;
      window.Shopify.customerPrivacy = {
        currentVisitorConsent: () => consent,
        analyticsProcessingAllowed: () => allowed.analytics,
        preferencesProcessingAllowed: () => allowed.preferences,
      };
      done();
    },
  };
  return {
    allowed,
    loads: () => loads,
    choose(choices) {
      Object.assign(consent, choices);
      happen(document, 'visitorConsentCollected');
    },
    remove: () => delete window.Shopify,
  };
}

function consentMode(name = 'dataLayer') {
  window[name] = [];
  function gtag() {
    window[name].push(arguments);
  }
  return { gtag, remove: () => delete window[name] };
}

// TCF's API. `strings` hold what the object is made of, so that object and string agree unless a test wants otherwise.
function tcf({ stub = false } = {}) {
  const listeners = [];
  const queue = [];
  let data = { gdprApplies: undefined };
  let status = { cmpStatus: stub ? 'stub' : 'loaded', displayStatus: 'hidden' };
  const real = (command, _version, callback) => {
    if (command === 'ping') callback(status, true);
    if (command === 'addEventListener') {
      listeners.push(callback);
      callback(data, true);
    }
  };
  const queued = (command, version, callback) => {
    if (command === 'ping') callback(status, true);
    else queue.push([command, version, callback]);
  };
  window.__tcfapi = stub ? queued : real;
  return {
    load() {
      status = { cmpStatus: 'loaded', displayStatus: 'hidden' };
      window.__tcfapi = real;
      queue.forEach((call) => real(...call));
    },
    say(said, displayStatus = said.eventStatus === 'cmpuishown' ? 'visible' : 'hidden') {
      data = { cmpStatus: 'loaded', tcfPolicyVersion: 5, isServiceSpecific: true, purposeOneTreatment: false, gdprApplies: true, ...said };
      status = { cmpStatus: data.cmpStatus, displayStatus };
      listeners.forEach((listener) => listener(data, true));
    },
    fail(cmpStatus) {
      status = { cmpStatus, displayStatus: 'disabled' };
    },
    remove: () => delete window.__tcfapi,
  };
}

function gpp({ stub = false } = {}) {
  const listeners = [];
  let ping = { cmpStatus: stub ? 'stub' : 'loaded', signalStatus: 'not ready', cmpDisplayStatus: 'hidden', applicableSections: [], parsedSections: {}, sectionList: [] };
  const api = () => (command, callback) => {
    if (command === 'ping') callback(ping, true);
    if (command === 'addEventListener') {
      listeners.push(callback);
      callback({ eventName: 'listenerRegistered', pingData: ping }, true);
    }
  };
  // The stub of the specification's example keeps listeners to itself, and the real one never gets them.
  window.__gpp = stub ? (command, callback) => command === 'ping' && callback(ping, true) : api();
  return {
    takeOver() {
      window.__gpp = api();
    },
    say(said) {
      ping = { ...ping, cmpStatus: 'loaded', signalStatus: 'ready', cmpDisplayStatus: 'hidden', ...said };
      listeners.forEach((listener) => listener({ eventName: 'signalStatus', data: ping.signalStatus, pingData: ping }, true));
    },
    listeners: () => listeners.length,
    remove: () => delete window.__gpp,
  };
}

function usp(uspString) {
  window.__uspapi = (_command, _version, callback) => uspString && callback({ uspString }, true);
  return { remove: () => delete window.__uspapi };
}

const doubles = { klaro, orejime, tarteaucitron, c15t, shopify, consentMode, tcf, gpp, usp };

/** Runs code that has the doubles, and `it`, which is kept from one call to the next. */
const it = {};
export function act(code) {
  return new Function('doubles', 'it', `return (${code});`)(doubles, it);
}
