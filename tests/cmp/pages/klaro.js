// klaro, from its own script build. Variant `default-true` preselects every service.
const ready = new Promise((resolve) => addEventListener('load', resolve));
const manager = () => klaro.getManager();
const save = (choices) => {
  for (const [name, choice] of Object.entries(choices)) manager().updateConsent(name, choice);
  manager().saveAndApplyConsents();
};
window.klaroConfig = {
  version: 1, elementID: 'klaro', storageMethod: 'cookie', cookieName: 'klaro', default: window.variant === 'default-true',
  mustConsent: false, acceptAll: true, hideDeclineAll: false, lang: 'en',
  translations: { en: { purposes: { shop: 'Shop' } } },
  services: ['analytics', 'personalization'].map((name) => ({ name, title: name, purposes: ['shop'], default: window.variant === 'default-true' })),
};
window.cmp = {
  ready,
  grant: (measure = true, personalize = true) => save({ analytics: measure, personalization: personalize }),
  withdraw: () => save({ analytics: false, personalization: false }),
  granted: () => manager().getConsent('analytics'),
  open: () => klaro.show(undefined, true),
  unsaved: () => { manager().updateConsent('analytics', true); manager().updateConsent('personalization', true); },
  save: () => manager().saveAndApplyConsents(),
};
