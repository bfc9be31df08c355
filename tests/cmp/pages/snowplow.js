// Snowplow's browser tracker, as its documentation has it; variant `anonymous` is its setting for who must ask first.
import {
  clearUserData, disableAnonymousTracking, enableAnonymousTracking, enableActivityTracking, newTracker, setOptOutCookie, trackPageView, trackStructEvent,
} from '@snowplow/browser-tracker';

const anonymous = window.variant === 'anonymous';
const asksFirst = anonymous ? { anonymousTracking: { withServerAnonymisation: true }, stateStorageStrategy: 'none' } : {};
newTracker('sp', `${window.collector}/peer/snowplow`, { appId: 'conformance', ...asksFirst });
setOptOutCookie('sp-opt-out');
enableActivityTracking({ minimumVisitLength: 5, heartbeatDelay: 5 });
trackPageView();
const optOut = (age) => { document.cookie = `sp-opt-out=1; path=/; max-age=${age}`; };
window.peer = {
  ready: Promise.resolve(),
  grant() { optOut(0); if (anonymous) disableAnonymousTracking({ stateStorageStrategy: 'cookieAndLocalStorage' }); },
  withdraw() { optOut(86400); clearUserData(); if (anonymous) enableAnonymousTracking(asksFirst); },
  act: (name) => trackStructEvent({ category: 'conformance', action: name }),
};
