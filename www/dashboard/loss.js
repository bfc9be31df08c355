// Loss, measured: gaps in the numbering of events, by the browser that lost them and the way out of the page on which they went.

import { byId, element, reconcile, setAttribute, setText } from './dom.js';
import { count, exactCount, percent, span } from './format.js';
import { browserName, dropCauseName, EXIT_PATHS, exitPathName, plural } from './words.js';
import { countBy, sumOf } from './counts.js';
import { listed } from './release.js';

export function showLoss({ total, from, to }) {
  const { lost, dropped, lost_events: all } = total;
  const head = byId('loss-head');
  if (!head.children.length) head.append(element('td'), ...EXIT_PATHS.map((path) => element('th', { scope: 'col' }, exitPathName(path))));

  const cells = new Map(lost.map((loss) => [`${loss.browser}>${loss.path}`, loss.count]));
  const largest = Math.max(1, ...cells.values());
  const browsers = countBy(lost, (loss) => loss.browser).map(([browser]) => browser);
  reconcile(byId('loss-rows'), browsers, (browser) => browser, createRow, (row, browser) => {
    setText(row.firstChild, browserName(browser));
    EXIT_PATHS.forEach((path, column) => {
      const cell = row.children[column + 1];
      const events = cells.get(`${browser}>${path}`) ?? listed(0, total);
      setText(cell, exactCount(events));
      setAttribute(cell, 'class', events ? 'some' : 'none');
      cell.style.setProperty('--share', events / largest);
    });
  });
  byId('loss-table').hidden = browsers.length === 0;
  byId('loss-empty').hidden = browsers.length > 0;
  setText(byId('loss-note'), `${percent(all, all == null || total.events == null ? null : all + total.events)} of the events of the last ${span(to - from)} did not arrive`);
  setText(byId('loss-foot'), explain(dropped, total));
  if (total.suppressed) setText(byId('loss-empty'), 'Too few sessions lost events to show where.');
}

function explain(dropped, total) {
  const events = sumOf(dropped);
  if (!events && total.suppressed) return 'Too few browsers dropped events to say';
  if (!events) return 'No browser had to drop an event';
  const causes = countBy(dropped, (drop) => drop.cause).map(([cause, times]) => `${count(times)} ${dropCauseName(cause)}`);
  return `Browsers say that they dropped ${plural(events, count(events), 'event')} themselves: ${causes.join(', ')}`;
}

const createRow = () => element('tr', {}, element('th', { scope: 'row' }), ...EXIT_PATHS.map(() => element('td')));
