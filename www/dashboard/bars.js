// A table whose rows carry a bar: for short ranked lists, where the numbers matter as much as the picture.

import { element, reconcile, setText } from './dom.js';
import { exactCount } from './format.js';

/** Fills `body` with `rows` of `{key, name, value, color?}`; bars are relative to the largest value. */
export function showBars(body, rows) {
  const largest = Math.max(1, ...rows.map((row) => row.value));
  reconcile(body, rows, (row) => row.key, createRow, (node, row) => {
    const [name, value] = node.children;
    setText(name, row.name);
    setText(value.firstChild, exactCount(row.value));
    node.style.setProperty('--share', row.value / largest);
    if (row.color) node.style.setProperty('--bar', `var(${row.color})`);
  });
}

const createRow = () => element('tr', {}, element('th', { scope: 'row' }), element('td', {}, element('span')));
