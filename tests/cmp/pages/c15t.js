// c15t, headless and without a backend; the two buttons are this page's own.
import { getOrCreateConsentRuntime } from 'c15t';

const { consentStore } = getOrCreateConsentRuntime({
  mode: 'offline', consentCategories: ['necessary', 'measurement', 'experience'], reloadOnConsentRevoked: false,
});
window.c15tStore ??= consentStore;
const store = () => consentStore.getState();
const show = () => { document.getElementById('tool').hidden = store().activeUI === 'none'; };
consentStore.subscribe(show);
show();
const staged = (measurement, experience) => {
  store().setSelectedConsent('measurement', measurement);
  store().setSelectedConsent('experience', experience);
};
// Between the call and its telling it hashes its policy, so that the moment at which it tells is noted apart. This listens before the module does.
let granted = false, denied = 0;
consentStore.subscribe(() => {
  const before = granted;
  granted = store().hasConsented() && store().has('measurement');
  if (before && !granted) denied = recorder.order++;
});
window.cmp = {
  told: () => driver.until('c15t to say so', () => !granted && denied),
  ready: new Promise((resolve) => {
    const loaded = () => !store().isLoadingConsentInfo;
    if (loaded()) return resolve();
    const stop = consentStore.subscribe(() => { if (loaded()) { stop(); resolve(); } });
  }),
  grant(measure = true, personalize = true) {
    if (measure && personalize) return store().saveConsents('all');
    staged(measure, personalize);
    return store().saveConsents('custom');
  },
  withdraw: () => store().saveConsents('necessary'),
  granted: () => store().hasConsented() && store().has('measurement'),
  open: () => store().setActiveUI('dialog'),
  unsaved: () => staged(true, true),
  save: () => store().saveConsents('custom'),
  reset: () => store().resetConsents(),
};
