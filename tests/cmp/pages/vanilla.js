// vanilla-cookieconsent, from its own script build. Variants: `opt-out` starts in the mode in which categories count as accepted before a choice.
const categories = ['analytics', 'personalization'];
const label = { consentModal: { title: 'Cookies', acceptAllBtn: 'All', acceptNecessaryBtn: 'None', showPreferencesBtn: 'Choose' },
  preferencesModal: { title: 'Cookies', acceptAllBtn: 'All', acceptNecessaryBtn: 'None', savePreferencesBtn: 'Save',
    sections: categories.map((linkedCategory) => ({ title: linkedCategory, linkedCategory })) } };
const ready = CookieConsent.run({
  hideFromBots: false,
  mode: window.variant === 'opt-out' ? 'opt-out' : 'opt-in',
  categories: { necessary: { enabled: true, readOnly: true },
    ...Object.fromEntries(categories.map((name) => [name, { enabled: window.variant === 'opt-out' }])) },
  language: { default: 'en', translations: { en: label } },
});
window.cmp = {
  ready,
  grant: (measure = true, personalize = true) => CookieConsent.acceptCategory(
    ['necessary', ...categories.filter((_, index) => [measure, personalize][index])]),
  withdraw: () => CookieConsent.acceptCategory(['necessary']),
  granted: () => CookieConsent.acceptedCategory('analytics'),
  open: () => CookieConsent.showPreferences(),
  unsaved() {
    CookieConsent.showPreferences();
    document.querySelectorAll('#cc-main .section__toggle:not([disabled])').forEach((toggle) => { if (!toggle.checked) toggle.click(); });
  },
  save: () => document.querySelector('#cc-main .pm__btn[data-role=save]').click(),
  reset: () => CookieConsent.reset(true),
};
