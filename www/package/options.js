// The options of the script tag and of `init`, checked and completed: what is wrong is said before anything is loaded.

// Names of consent categories whose meaning is clear without the shop's saying so.
const CLEAR_CATEGORIES = {
  analytics: 'measure', measurement: 'measure', statistics: 'measure', personalization: 'personalize', personalisation: 'personalize',
};

/** The options with their defaults. Throws a `TypeError` that names the one that is wrong and what it may be. */
export function completed(options) {
  const {
    site, endpoint, consent = 'auto', preconsent = 'off', cmp = CLEAR_CATEGORIES, tcf = 'publisher', notice = '', datalayer = 'dataLayer', model, debug = false,
  } = options;
  const expect = (right, what) => {
    if (!right) throw new TypeError(`waver: ${what}`);
  };
  expect(/^[a-z\d][a-z\d_-]{0,31}$/.test(site), 'site is the public key of your site: a-z, 0-9, - and _, at most 32 characters');
  expect(/^https?:\/\/./.test(endpoint), 'endpoint is the address of your collector, such as https://collector.example');
  expect(['auto', 'pending', 'granted', 'denied'].includes(consent), 'consent is auto, pending, granted or denied');
  expect(['off', 'local'].includes(preconsent), 'preconsent is off or local');
  const meanings = Object.values(cmp ?? '');
  expect(
    meanings.length && meanings.every((meaning) => ['measure', 'personalize'].includes(meaning)),
    'cmp is a JSON object from category names of your consent tool to "measure" or "personalize"',
  );
  expect(
    /^(publisher|purposes|[1-9]\d{0,4})$/.test(tcf) && !(tcf > 65535),
    'tcf is publisher, purposes, or the number of a vendor on the Global Vendor List',
  );
  expect(/^(|\S+ [\da-f]{64})$/.test(notice), 'notice is the version of your privacy notice and the SHA-256 of its text, with a space between');
  return { site, endpoint: endpoint.replace(/\/+$/, ''), consent, preconsent, cmp, tcf: String(tcf), notice, datalayer, model, debug };
}

/** Waits until a prerendered page is one that the shopper sees: before that, nobody is there. */
export const activated = () => new Promise((resolve) => {
  if (document.prerendering) document.addEventListener('prerenderingchange', resolve, { once: true });
  else resolve();
});
