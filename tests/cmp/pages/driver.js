// How the tests handle a page: the consent tool's user, the shopper, and questions to the recorder. The second script of every page.
(() => {
  const { collector } = document.currentScript.dataset;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const until = async (what, condition, limit = 15_000) => {
    const end = performance.now() + limit;
    for (;;) {
      const met = condition();
      if (met) return met;
      if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
      await pause(5);
    }
  };
  const about = () => recorder.requests.filter(({ url }) => url.startsWith(`${collector}/v1/`));
  const to = (route) => about().filter(({ url }) => url === `${collector}${route}`);
  const said = (request) => JSON.parse(request.body);
  const isGrant = (request) => request.url.endsWith('/v1/consents') && request.body.includes('"granted"');
  const canary = 7391.57;

  addEventListener('click', () => { driver.clickedAt = Date.now(); }, true);

  window.driver = {
    clickedAt: 0,
    about, to, said, isGrant, until, pause,

    /** The state of consent, once the module is there to say it. */
    consent: () => window.waver('consent'),

    /**
     * Accepts in the tool, and waits until the collector has the grant on record. Gives the session's name. A tool that saves one service after
     * the other makes several grants of it, of which the last counts.
     */
    async grant(measure = true, personalize = true) {
      const before = about().length;
      await cmp.grant(measure, personalize);
      return this.granted(before);
    },

    /** The session's name, once the last grant after so many requests is on record. */
    async granted(before) {
      const grants = () => about().slice(before).filter(isGrant);
      const request = await until('a grant on record', () => { const last = grants().at(-1); return last?.status >= 200 && last.status < 300 && last; });
      return said(request).session;
    },

    /** Something that the module records, if it may. */
    act: () => window.waver('track', 'view_item', { currency: 'EUR', value: canary, items: [{ item_id: 'canary', price: canary }] }),

    /** Withdraws in the tool, and gives the moments around the call. */
    withdraw() {
      const from = recorder.order++;
      const wall = Date.now();
      cmp.withdraw();
      return { from, to: recorder.order++, wall };
    },

    /** Batches and questions about that session which began after the moment `from` of the recorder. */
    late: (session, from) => [...to('/v1/events'), ...to('/v1/decisions')]
      .filter((request) => request.order > from && said(request).session === session)
      .map(({ url, order }) => `${url} at ${order}, withdrawn at ${from}`),

    /** A grant, something to send, a pause into the batch timer, and a withdrawal. */
    async phase(delay) {
      const session = await this.grant();
      this.act();
      await pause(delay);
      const { from } = this.withdraw();
      // A tool that tells of a withdrawal some time after the call says itself when.
      return { session, from: cmp.told ? await cmp.told() : from };
    },

    /** Withdrawals at these many milliseconds after the grant; then whatever began too late. Two more periods of the batch timer are waited for. */
    async phases(delays) {
      const done = [];
      for (const delay of delays) done.push(await this.phase(delay));
      await pause(4_500);
      return {
        late: done.flatMap(({ session, from }) => this.late(session, from)),
        sessions: new Set(done.map(({ session }) => session)).size,
        batches: to('/v1/events').length,
      };
    },

    /** Which of the needles the module's memory holds: the name of a session as text and as bytes, and the canary of an event. */
    memory(session) {
      const bytes = Uint8Array.from(session.match(/../g), (pair) => parseInt(pair, 16));
      const encoded = new TextEncoder();
      const needles = { text: encoded.encode(session), bytes, canary: encoded.encode('7391.57') };
      const held = [];
      for (const { buffer } of recorder.memories) {
        const memory = new Uint8Array(buffer);
        for (const [name, needle] of Object.entries(needles)) {
          for (let at = memory.indexOf(needle[0]); at >= 0; at = memory.indexOf(needle[0], at + 1)) {
            if (needle.every((byte, index) => memory[at + index] === byte)) { held.push(name); break; }
          }
        }
      }
      return held;
    },

    /** Everything that this origin keeps in the browser, as far as a page can see. */
    async stored() {
      const files = [];
      try {
        for await (const name of (await navigator.storage.getDirectory()).keys()) files.push(`opfs:${name}`);
      } catch { /* no such storage here */ }
      return [
        ...Object.keys(localStorage).map((key) => `localStorage:${key}`),
        ...Object.keys(sessionStorage).map((key) => `sessionStorage:${key}`),
        ...(await indexedDB.databases()).map(({ name }) => `indexedDB:${name}`),
        ...(await window.caches?.keys() ?? []).map((name) => `cache:${name}`),
        ...document.cookie.split('; ').filter(Boolean).map((pair) => `cookie:${pair.split('=')[0]}`),
        ...window.name ? [`window.name:${window.name}`] : [],
        ...history.state ? [`history.state:${JSON.stringify(history.state)}`] : [],
        ...files,
      ];
    },

    /** What module or page wrote of what a later visit could find again. */
    written: () => recorder.writes.filter(({ ours }) => ours).map(({ what }) => what),
  };
})();
