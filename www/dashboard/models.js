// How right the models were on the last day all of whose sessions have ended, and which feature moved most.

import { byId, element, reconcile, setText } from './dom.js';
import { exactCount, moment } from './format.js';
import { ask } from './stream.js';

// A day is judged once, so a minute is often enough.
const EVERY_MS = 60_000;
const MUCH = 0.25;
const LITTLE = 0.1;

/** Keeps the card current, with one request in a minute at most; call what it returns whenever aggregates arrive. */
export function createModels() {
  let askedAt = -Infinity;
  return async ({ site }) => {
    if (performance.now() - askedAt < EVERY_MS) return;
    askedAt = performance.now();
    try {
      show(await ask(`/v1/models?site=${encodeURIComponent(site)}`));
    } catch {
      // The connection's own state tells of the trouble; the rows stay as they were.
    }
  };
}

function show({ challenger, days, drift }) {
  const day = days.at(-1);
  const rows = [];
  if (day) rows.push({ key: 'champion', name: 'In the browsers', ...day.champion });
  if (day && challenger) rows.push({ key: 'challenger', name: `In the shadow: ${challenger}`, ...day.challenger });
  reconcile(byId('models'), rows, (row) => row.key, createRow, (node, { name, sessions, brier, calibration_error: error }) => {
    const cells = [name, exactCount(sessions), digits(brier), digits(error)];
    cells.forEach((text, place) => setText(node.children[place], text));
  });
  byId('models-empty').hidden = rows.length > 0;
  setText(byId('models-note'), day ? `Sessions scored from ${moment(day.start)} on, for a day` : '');
  setText(byId('models-foot'), moved(drift));
}

function moved(drift) {
  const most = drift.filter(({ psi }) => psi != null).sort((a, b) => b.psi - a.psi)[0];
  if (!most) return 'Whether features move is told from 500 sessions a day on.';
  const verdict = most.psi > MUCH ? 'moved much' : most.psi > LITTLE ? 'moved' : 'moved most, but hardly';
  return `${most.feature} ${verdict} (stability index ${digits(most.psi)})`;
}

const digits = (value) => (value == null ? exactCount(null) : value.toFixed(3));

const createRow = () => element('tr', {}, element('th', { scope: 'row' }), element('td'), element('td'), element('td'));
