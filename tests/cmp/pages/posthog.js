// posthog-js, as its documentation has it; variant `opt-out` is its setting for who must ask first, with nothing stored until then.
import posthog from 'posthog-js';

const asksFirst = window.variant === 'opt-out' ? { opt_out_capturing_by_default: true, opt_out_persistence_by_default: true } : {};
window.peer = {
  ready: new Promise((loaded) => {
    posthog.init('phc_conformance', { api_host: `${window.collector}/peer/posthog`, disable_compression: true, loaded,
      // A browser under test is a bot to it, and bots are not counted.
      opt_out_useragent_filter: true, ...asksFirst });
  }),
  grant: () => posthog.opt_in_capturing(),
  withdraw: () => posthog.opt_out_capturing(),
  act: (name) => posthog.capture(name),
};
