// tarteaucitron, from its own script, with two services. Variant `default-true` lets services start unasked;
// `consent-mode` turns Google's consent mode on, with Google's own tag among the services, which it is driven by.
const names = ['analytics', 'personalization', ...window.variant === 'consent-mode' ? ['gtag'] : []];
const added = (name) => new Promise((resolve) => document.addEventListener(`${name}_added`, resolve, { once: true }));
const ready = Promise.all(names.map(added));
tarteaucitron.init({
  privacyUrl: '', bodyPosition: 'bottom', hashtag: '#tarteaucitron', cookieName: 'tarteaucitron', orientation: 'middle',
  groupServices: false, serviceDefaultState: window.variant === 'default-true' ? true : 'wait', showAlertSmall: false, cookieslist: false,
  showIcon: true, adblocker: false, DenyAllCta: true, AcceptAllCta: true, highPrivacy: true, handleBrowserDNTRequest: false,
  removeCredit: true, moreInfoLink: false, useExternalCss: false, useExternalJs: false, mandatory: false, googleConsentMode: window.variant === 'consent-mode',
});
for (const key of names) {
  tarteaucitron.services[key] = { key, type: 'analytic', name: key, needConsent: true, cookies: [], js() {}, fallback() {} };
  (tarteaucitron.job ??= []).push(key);
}
const choose = (key, choice) => tarteaucitron.userInterface.respond(document.getElementById(key + (choice ? 'Allowed' : 'Denied')), choice);
window.cmp = {
  ready,
  grant(measure = true, personalize = true) { for (const name of names) choose(name, name === 'personalization' ? personalize : measure); },
  withdraw() { for (const name of names) choose(name, false); },
  granted: () => tarteaucitron.state.analytics === true,
  open: () => tarteaucitron.userInterface.openPanel(),
};
