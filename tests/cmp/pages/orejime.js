// orejime, from its own script build, which starts once the document is parsed.
const ready = new Promise((resolve) => document.addEventListener('orejime.loaded', resolve));
window.orejimeConfig = {
  privacyPolicyUrl: '/privacy',
  purposes: ['analytics', 'personalization'].map((id) => ({ id, title: id, cookies: [], default: window.variant === 'default-true' })),
};
const saved = () => window.orejime.manager;
window.cmp = {
  ready,
  grant: (measure = true, personalize = true) => saved().setConsents({ analytics: measure, personalization: personalize }),
  withdraw: () => saved().declineAll(),
  granted: () => saved().getConsent('analytics') === true,
  open: () => window.orejime.prompt(),
  unsaved() {
    window.orejime.prompt();
    return new Promise((resolve) => setTimeout(() => {
      document.querySelectorAll('.orejime-Purpose-input').forEach((input) => input.click());
      resolve();
    }, 300));
  },
  save: () => document.querySelector('.orejime-Modal-saveButton').click(),
  reset: () => saved().clearConsents(),
};
