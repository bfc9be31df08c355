// A consent tool of IAB GPP made of the official @iabgpp/cmpapi, with section 2 (the European one) for grants. It comes in after a stub, one of
// the two kinds there are. Variants: `us` has only a US section without any opt-out; `not-ready` never says that its signal is ready.
import { CmpApi, SignalStatus, CmpStatus, CmpDisplayStatus } from '@iabgpp/cmpapi';

const COOKIE = 'gpp-string';
const cookie = () => document.cookie.split('; ').find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
let api;
const show = (visible) => { document.getElementById('tool').hidden = !visible; };
const set = (purposes) => {
  const bits = (length) => Array.from({ length }, (_, index) => purposes.includes(index + 1));
  const fields = { CmpId: 31, CmpVersion: 3, ConsentScreen: 1, ConsentLanguage: 'EN', VendorListVersion: 48, PolicyVersion: 5, IsServiceSpecific: true,
    PublisherCountryCode: 'DE', PurposeConsents: bits(24), PurposeLegitimateInterests: bits(24).fill(false),
    VendorConsents: purposes.length ? [755, 900] : [], VendorsDisclosed: [755, 900], PublisherConsents: bits(24) };
  for (const [name, value] of Object.entries(fields)) api.setFieldValue('tcfeuv2', name, value);
  api.setApplicableSections([2]);
};
const save = (purposes) => {
  set(purposes);
  document.cookie = `${COOKIE}=${api.getGppString()}; path=/; max-age=86400; samesite=lax`;
  api.fireSectionChange('tcfeuv2');
  api.setCmpDisplayStatus(CmpDisplayStatus.HIDDEN);
  api.setSignalStatus(SignalStatus.READY);
  show(false);
};
const start = () => {
  api = new CmpApi(31, 3);
  api.setCmpStatus(CmpStatus.LOADED);
  if (window.variant === 'us') {
    for (const name of ['SaleOptOut', 'SharingOptOut', 'TargetedAdvertisingOptOut', 'SaleOptOutNotice', 'SharingOptOutNotice', 'TargetedAdvertisingOptOutNotice', 'SharingNotice']) {
      api.setFieldValue('usnat', name, name.endsWith('Notice') ? 1 : 2);
    }
    api.setApplicableSections([7]);
    api.fireSectionChange('usnat');
    return api.setSignalStatus(SignalStatus.READY);
  }
  if (window.variant === 'not-ready') return set([1, 5, 6, 8]);
  const kept = cookie();
  if (kept) {
    api.setGppString(kept);
    api.setApplicableSections([2]);
    api.fireSectionChange('tcfeuv2');
    api.setSignalStatus(SignalStatus.READY);
  } else {
    api.setApplicableSections([2]);
    api.setCmpDisplayStatus(CmpDisplayStatus.VISIBLE);
    show(true);
  }
};
// Late: the module is to meet the stub first.
const late = /^stub/.test(window.variant ?? '') ? 1500 : 0;
window.cmp = {
  ready: new Promise((resolve) => setTimeout(() => resolve(start()), late)),
  grant: (measure = true, personalize = true) => save([1, ...personalize ? [5, 6] : [], ...measure ? [8] : []]),
  withdraw: () => save([]),
  granted: () => api.getFieldValue('tcfeuv2', 'PurposeConsents')?.[7] === true,
  open() { api.setSignalStatus(SignalStatus.NOT_READY); api.setCmpDisplayStatus(CmpDisplayStatus.VISIBLE); show(true); },
  unsaved() { set([1, 5, 6, 8]); api.setSignalStatus(SignalStatus.NOT_READY); api.setCmpDisplayStatus(CmpDisplayStatus.VISIBLE); },
  save: () => save([1, 5, 6, 8]),
};
