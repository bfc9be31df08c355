// The books: what was received must equal what was stored, was a duplicate, or was discarded, to the last event.

import { byId, element, reconcile, setAttribute, setText } from './dom.js';
import { exactCount } from './format.js';
import { discardName } from './words.js';
import { sumOfValues } from './counts.js';

export function showOutcomes({ outcomes }) {
  const discarded = sumOfValues(outcomes.discarded);
  const rows = [
    { key: 'received', sign: '', name: 'Received', value: outcomes.received },
    { key: 'stored', sign: '=', name: 'Stored', value: outcomes.stored },
    { key: 'duplicate', sign: '+', name: 'Duplicate', value: outcomes.duplicate },
    { key: 'discarded', sign: '+', name: 'Discarded', value: discarded },
    ...Object.entries(outcomes.discarded)
      .sort((a, b) => b[1] - a[1])
      .map(([reason, value]) => ({ key: `because-${reason}`, sign: '', name: discardName(reason), value, part: true })),
  ];
  reconcile(byId('outcomes'), rows, (row) => row.key, createRow, (node, row) => {
    setAttribute(node, 'class', row.part ? 'part' : 'term');
    const [name, value] = node.children;
    setText(name.firstChild, row.sign);
    setText(name.lastChild, row.name);
    setText(value, exactCount(row.value));
  });

  const off = outcomes.received - outcomes.stored - outcomes.duplicate - discarded;
  const verdict = byId('outcomes-verdict');
  setAttribute(verdict, 'data-balanced', String(off === 0));
  setText(verdict, off === 0 ? 'Balanced' : `Off by ${exactCount(Math.abs(off))}`);
  setText(byId('outcomes-note'), explain(off));
}

function explain(off) {
  if (off === 0) return 'Since the log began; duplicates since the last start';
  return off > 0 ? 'Some events have no outcome: tell the operator' : 'More outcomes than events: tell the operator';
}

const createRow = () =>
  element('tr', {}, element('th', { scope: 'row' }, element('span', { class: 'sign', 'aria-hidden': 'true' }), element('span')), element('td'));
