// A consent tool of IAB TCF made of the official @iabtcf/cmpapi and @iabtcf/core: this page keeps the string in a cookie, as tools do, and has
// two buttons for a dialog. Variants: `interests` sets every bit of legitimate interest and no consent; `not-applying` says that GDPR does not.
import { CmpApi } from '@iabtcf/cmpapi';
import { GVL, TCModel, TCString } from '@iabtcf/core';

const COOKIE = 'euconsent-v2';
const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const described = (ids) => Object.fromEntries(ids.map((id) => [id, { id, name: `${id}`, description: '', illustrations: [] }]));
const vendor = (id) => ({ id, name: `${id}`, purposes: [1, 3, 4, 5, 6], legIntPurposes: [2, 7, 8, 9, 10], flexiblePurposes: [], specialPurposes: [], features: [],
  specialFeatures: [], dataDeclaration: [], urls: [], dataRetention: { purposes: {}, specialPurposes: {} } });
const list = {
  gvlSpecificationVersion: 3, vendorListVersion: 48, tcfPolicyVersion: 5, lastUpdated: '2026-10-01T16:00:00Z',
  purposes: described(all), specialPurposes: described([1, 2, 3]), features: described([1, 2, 3]), specialFeatures: described([1, 2]), stacks: {},
  dataCategories: {}, vendors: { 755: vendor(755), 900: { ...vendor(900), purposes: all, legIntPurposes: [] } },
};
const gvl = new GVL(list);

function encoded({ purposes = [], interests = [] }) {
  const model = new TCModel(gvl);
  Object.assign(model, { cmpId: 31, cmpVersion: 3, isServiceSpecific: true, policyVersion: 5, consentScreen: 1, publisherCountryCode: 'DE' });
  model.purposeConsents.set(purposes);
  model.purposeLegitimateInterests.set(interests);
  model.publisherConsents.set(purposes);
  model.publisherLegitimateInterests.set(interests);
  if (purposes.length) model.vendorConsents.set([755, 900]);
  if (interests.length) model.vendorLegitimateInterests.set([755]);
  model.vendorsDisclosed.set([755, 900]);
  return TCString.encode(model, { version: 2, segments: ['core', 'vendorsDisclosed', 'publisherTC'] });
}

const cookie = () => document.cookie.split('; ').find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
const api = new CmpApi(31, 3, true);
const show = (visible) => { document.getElementById('tool').hidden = !visible; };
const save = (choice) => {
  const string = encoded(choice);
  document.cookie = `${COOKIE}=${string}; path=/; max-age=86400; samesite=lax`;
  api.update(string, false);
  show(false);
};
const start = () => {
  if (window.variant === 'not-applying') return api.update(null);
  if (window.variant === 'interests') return api.update(encoded({ interests: [2, 7, 8, 9, 10] }), false);
  const kept = cookie();
  // The dialog opens for who has not chosen; its string has the legitimate interests set already.
  if (kept) api.update(kept, false); else { api.update(encoded({ interests: [2, 7, 8, 9, 10] }), true); show(true); }
};
window.cmp = {
  ready: Promise.resolve(gvl.readyPromise).then(start),
  grant: (measure = true, personalize = true) => save({ purposes: [1, ...personalize ? [5, 6] : [], ...measure ? [8] : []] }),
  withdraw: () => save({}),
  granted() { let granted = false; __tcfapi('getTCData', 2, (data) => { granted = data?.purpose?.consents?.[8] === true; }); return granted; },
  open() { api.update(cookie() ?? encoded({}), true); show(true); },
  // The dialog opened anew over a stored grant: the tool goes on to show the old consents meanwhile.
  unsaved() { api.update(encoded({ purposes: [1, 5, 6, 8] }), true); },
  save: () => save({ purposes: [1, 5, 6, 8] }),
};
