// What every chart has around it: an accessible label, a word when it is empty, and its data as a table.

import { Chart } from 'chart.js';
import { byId, element, reconcile, setAttribute, setText } from '../dom.js';
import { onTheme } from './theme.js';

/**
 * A live chart in the canvas `{name}-chart`.
 *
 * - `configure()`: the Chart.js configuration without data; asked for again when the colour scheme changes.
 * - `read(aggregates)`: `{labels, datasets, empty, label, table}`; `label` says the chart in a sentence, and
 *   `table()` gives `{head: [text], rows: [[text]]}`, asked for only while the table is open.
 *
 * Returns what shows the next aggregates.
 */
export function createPanel(name, configure, read) {
  const canvas = byId(`${name}-chart`);
  const empty = canvas.parentElement.querySelector('.empty');
  const details = document.querySelector(`details[data-table="${name}"]`);
  const emptyWords = [...empty.childNodes];
  const fillTable = createTable(details);
  let chart = null;
  let latest = null;

  function show(aggregates) {
    latest = aggregates;
    const { labels, datasets, empty: nothing, label, table } = read(aggregates);
    // Nothing to see is not nothing there: a hidden hour is told from a quiet one.
    const words = aggregates.total.suppressed ? ['Too few sessions to show anything of this time.'] : emptyWords;
    if (empty.hidden !== !nothing) empty.replaceChildren(...words);
    empty.hidden = !nothing;
    setAttribute(canvas, 'aria-label', label);
    keepDatasets(chart.data, labels, datasets);
    chart.update('none');
    if (details.open) fillTable(table());
  }

  details.addEventListener('toggle', () => latest && show(latest));
  onTheme(() => {
    chart?.destroy();
    const { options, ...rest } = configure();
    // How many labels have room depends on the width, so a turned phone is shown its data anew.
    const onResize = () => requestAnimationFrame(() => latest && show(latest));
    chart = new Chart(canvas, { data: { labels: [], datasets: [] }, ...rest, options: { ...options, onResize } });
    if (latest) show(latest);
  });
  return show;
}

/**
 * Keeps a dataset's object as long as its label is shown: Chart.js then keeps its elements, and a tooltip under the pointer stays. By label
 * and not by place, since the elements keep their colour too when the most frequent kind becomes another.
 */
function keepDatasets(data, labels, datasets) {
  const known = new Map(data.datasets.map((dataset) => [dataset.label, dataset]));
  data.labels = labels;
  data.datasets = datasets.map((dataset) => Object.assign(known.get(dataset.label) ?? {}, dataset));
}

function createTable(details) {
  const caption = details.querySelector('summary').textContent.trim();
  const head = element('tr');
  const body = element('tbody');
  const table = element('table', { class: 'data' }, element('thead', {}, head), body);
  details.append(element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, table));

  return ({ head: names, rows }) => {
    reconcile(head, names, (name) => name, () => element('th', { scope: 'col' }), setText);
    reconcile(body, rows.map(numbered), numberOf, () => element('tr'), (line, [, row]) => {
      reconcile(line, row.map(numbered), numberOf, ([column]) => (column ? element('td') : element('th', { scope: 'row' })), (cell, [, text]) => setText(cell, text));
    });
  };
}

const numbered = (item, number) => [number, item];
const numberOf = ([number]) => number;
