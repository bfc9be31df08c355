// Segment's analytics-next, as its documentation has it; variant `load-on-consent` is its advice for who must ask first. It has no call for a
// withdrawal: `reset`, which forgets the visitor, is the nearest.
import { AnalyticsBrowser } from '@segment/analytics-next';

const host = `${new URL(window.collector).host}/peer/segment`;
const settings = { writeKey: 'conformance', cdnSettings: { integrations: { 'Segment.io': { apiKey: 'conformance', apiHost: host, protocol: 'http' } } } };
const options = { integrations: { 'Segment.io': { apiHost: host, protocol: 'http' } } };
const late = window.variant === 'load-on-consent';
const analytics = new AnalyticsBrowser();
if (!late) analytics.load(settings, options);
analytics.page();
let loaded = !late;
window.peer = {
  ready: late ? Promise.resolve() : analytics.ready().catch(() => {}),
  async grant() { if (!loaded) { loaded = true; analytics.load(settings, options); } },
  withdraw: () => analytics.reset(),
  act: (name) => { analytics.track(name); },
};
