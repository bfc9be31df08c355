// The shop's consent banner: vanilla-cookieconsent as it comes. There is no bridge to Waver here on purpose: Waver finds the
// library itself, and `data-cmp` on its tag says what the two optional categories mean.
import * as CookieConsent from 'vanilla-cookieconsent';

window.CookieConsent = CookieConsent; // as the library's own script build does

export const changeConsent = () => CookieConsent.showPreferences();

export function startConsent() {
  CookieConsent.run({
    hideFromBots: false, // the browser tests are bots, and meet the same banner as people
    guiOptions: {
      consentModal: { layout: 'box wide', position: 'bottom left', equalWeightButtons: true },
      preferencesModal: { layout: 'box', equalWeightButtons: true },
    },
    categories: {
      necessary: { enabled: true, readOnly: true },
      analytics: {},
      personalization: {},
    },
    language: { default: 'en', translations: { en: texts } },
  });
}

const texts = {
  consentModal: {
    title: 'Your visit, your choice',
    description:
      'Your cart needs to be kept on this device. With your consent we also measure how the shop is used, and make offers '
      + 'that suit your visit. The shop works just as well without, and you can change your mind at any time.',
    acceptAllBtn: 'Accept all',
    acceptNecessaryBtn: 'Reject all',
    showPreferencesBtn: 'Choose',
  },
  preferencesModal: {
    title: 'Cookie settings',
    acceptAllBtn: 'Accept all',
    acceptNecessaryBtn: 'Reject all',
    savePreferencesBtn: 'Save my choice',
    closeIconLabel: 'Close',
    sections: [
      {
        description:
          'Everything but the necessary is off until you turn it on. To change your mind later, open this window again from the '
          + 'foot of any page: what was allowed stops at once.',
      },
      {
        title: 'Necessary',
        description: 'Your cart, and the choice you make here. Kept on this device only.',
        linkedCategory: 'necessary',
      },
      {
        title: 'Measurement',
        description:
          'How visits go: which kinds of pages, how long, where shoppers hesitate. Numbers under a pseudonym that lasts for '
          + 'this visit; no name, no address, nothing you type.',
        linkedCategory: 'analytics',
      },
      {
        title: 'Personal offers',
        description: 'Lets us make an offer that depends on your visit, and say so when we do.',
        linkedCategory: 'personalization',
      },
    ],
  },
};
