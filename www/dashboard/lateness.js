// Event time against arrival: what came behind the watermark.

import { byId, element, reconcile, setText } from './dom.js';
import { exactCount, percent, timeOfDay } from './format.js';
import { isSuppressing } from './release.js';

export function showLateness(aggregates) {
  const { lateness, outcomes } = aggregates;
  const { watermark, late, too_late: tooLate } = lateness;
  const rows = [
    { key: 'late', name: 'Late, corrected their minute', value: late },
    { key: 'too-late', name: 'Too late for any window', value: tooLate },
  ];
  reconcile(byId('lateness'), rows, (row) => row.key, createRow, (node, row) => {
    setText(node.firstChild, row.name);
    setText(node.lastChild, exactCount(row.value));
  });
  setText(byId('lateness-note'), outcomes.stored ? `${percent(late, outcomes.stored)} of the events stored` : 'No event yet');
  if (isSuppressing(aggregates)) setText(byId('lateness-foot'), 'Rounded down, since one late event is of one shopper');
  else setText(byId('lateness-foot'), watermark == null
    ? 'The watermark follows the newest event by two minutes'
    : `Watermark ${timeOfDay(watermark)}, two minutes behind the newest event. No browser’s clock moves it.`);
}

const createRow = () => element('tr', {}, element('th', { scope: 'row' }), element('td'));
