// Events that could not be read, by what is wrong with them. They are kept scrubbed for a while, and can be read again after a fix.

import { showBars } from './bars.js';
import { byId, setText } from './dom.js';
import { count } from './format.js';
import { plural } from './words.js';
import { ask } from './stream.js';
import { countBy } from './counts.js';

const EVERY_MS = 10_000;
const LIMIT = 1_000;
const ROWS = 5;

/** Keeps the card current, with one request in ten seconds at most; call what it returns whenever aggregates arrive. */
export function createDeadLetters() {
  let askedAt = -Infinity;
  return async ({ site }) => {
    if (performance.now() - askedAt < EVERY_MS) return;
    askedAt = performance.now();
    try {
      show(await ask(`/v1/dead-letters?site=${encodeURIComponent(site)}&limit=${LIMIT}`));
    } catch {
      // The connection's own state tells of the trouble; the rows stay as they were.
    }
  };
}

function show({ letters, overwritten }) {
  const ranked = countBy(letters.map((letter) => ({ what: trouble(letter), count: 1 })), (row) => row.what);
  const shown = ranked.slice(0, ranked.length > ROWS ? ROWS - 1 : ROWS);
  const rest = ranked.slice(shown.length).reduce((sum, [, times]) => sum + times, 0);
  const rows = shown.map(([name, value]) => ({ key: name, name, value, color: '--stage-leaving' }));
  if (rest) rows.push({ key: 'rest', name: 'Other troubles', value: rest, color: '--stage-leaving' });
  showBars(byId('letters'), rows);
  byId('letters-empty').hidden = rows.length > 0;
  setText(byId('letters-note'), letters.length ? `The latest ${plural(letters.length, count(letters.length), 'event')} that could not be read, by what is wrong with them` : '');
  setText(byId('letters-foot'), overwritten ? `${count(overwritten)} older ones made room` : '');
}

/** The field, where the collector could name it, and what it expected there. */
function trouble({ field, expectation }) {
  const place = field?.replace(/^events\[\d+\]\.?/, '');
  const words = expectation.replaceAll('`', '');
  return place ? `${place}: ${words}` : words;
}
