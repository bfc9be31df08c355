// The live connection: one document at once, then the event stream, and back again by itself whenever it breaks.

const QUIET_MS = 10_000; // without news for this long, the page asks once by itself
const STALE_MS = 30_000; // without any answer for this long, the figures are called stale
const ANSWER_MS = 8_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 20_000;

/** What the collector said no to for good, in words for the reader. */
export class Refusal extends Error {}

/** Fetches JSON from the collector; signed out, it goes to the sign-in page and never returns. */
export async function ask(path) {
  const response = await fetch(path, { headers: { accept: 'application/json' }, cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MS) });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401 && problem.code !== 'unknown_site') {
    location.assign('/dashboard/login');
    return new Promise(() => {});
  }
  const message = problem.message ?? `The collector answered ${response.status}.`;
  throw response.status < 500 && response.status !== 429 ? new Refusal(message) : new Error(message);
}

/**
 * Keeps `onDocument` fed with aggregates of `site` (null: the collector's first) and `onState` told of
 * `{state: 'connecting' | 'live' | 'reconnecting' | 'stale' | 'refused', age_ms, message?}` once a second.
 */
export function follow(site, onDocument, onState) {
  let source = null;
  let receivedAt = null;
  let retryMs = FIRST_RETRY_MS;
  let retryAt = 0;
  let asking = false;
  let refusal = null;
  const query = () => (site ? `?site=${encodeURIComponent(site)}` : '');

  const deliver = (document) => {
    receivedAt = Date.now();
    site = document.site;
    onDocument(document);
    report();
  };

  function report() {
    const age = receivedAt === null ? null : Math.max(0, Date.now() - receivedAt); // the wall clock goes on while a laptop sleeps
    const open = source?.readyState === EventSource.OPEN;
    let state = 'reconnecting';
    if (refusal) state = 'refused';
    else if (age === null) state = retryMs > FIRST_RETRY_MS * 4 ? 'stale' : 'connecting';
    else if (age >= STALE_MS) state = 'stale';
    else if (open) state = 'live';
    onState({ state, age_ms: age, message: refusal });
  }

  function breakOff() {
    source?.close();
    source = null;
    retryAt = Date.now() + retryMs * (0.75 + Math.random() / 2);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }

  function openSource() {
    source = new EventSource(`/v1/stream${query()}`);
    source.addEventListener('aggregates', (event) => {
      retryMs = FIRST_RETRY_MS;
      deliver(JSON.parse(event.data));
    });
    // EventSource hides the status and its own retries end at the first refusal, so each retry is ours.
    source.addEventListener('error', () => {
      breakOff();
      report();
    });
  }

  async function refresh() {
    if (asking || refusal) return;
    asking = true;
    try {
      deliver(await ask(`/v1/aggregates${query()}`));
      if (!source) openSource();
    } catch (error) {
      if (error instanceof Refusal) refusal = error.message;
      breakOff();
    } finally {
      asking = false;
      report();
    }
  }

  function tick() {
    const now = Date.now();
    const quiet = receivedAt === null || now - receivedAt > QUIET_MS;
    if (source ? quiet : now >= retryAt) refresh();
    report();
  }

  function retryNow() {
    retryAt = 0;
    tick();
  }

  addEventListener('online', retryNow);
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    source = null;
    retryNow();
  });
  setInterval(tick, 1000);
  tick();
  return { retryNow };
}
