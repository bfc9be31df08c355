// Arrivals over time: the sessions begun in each window, and in front of them the orders placed.

import { sumOfValues } from '../counts.js';
import { listed } from '../release.js';
import { byId, setText } from '../dom.js';
import { exactCount, span } from '../format.js';
import { plural } from '../words.js';
import { createPanel } from './panel.js';
import { countAxis, inFront, timeAxis, token } from './theme.js';
import { roundTimes, windowLabels } from './time.js';

export function createArrivalsChart() {
  const times = roundTimes();
  return createPanel('arrivals', () => configure(times), (aggregates) => {
    const { windows, total, window_ms: windowMs } = aggregates;
    times.show(aggregates, byId('arrivals-chart'));
    setText(byId('arrivals-note'), total.suppressed ? `In each ${span(windowMs)} that has been published` : `In each ${span(windowMs)}; the latest is still filling`);
    const labels = windowLabels(aggregates);
    const sessions = windows.map((window) => window.sessions);
    const begun = plural(total.sessions, exactCount(total.sessions), 'session');
    return {
      labels,
      datasets: inFront(
        { label: 'Orders', data: windows.map((window) => window.orders), backgroundColor: token('--orders') },
        { label: 'New sessions', data: sessions, backgroundColor: token('--sessions') },
      ),
      empty: !total.sessions && !total.orders,
      label: `Bars of sessions and orders over time. ${begun} begun, at most ${exactCount(Math.max(0, ...sessions))} in one ${span(windowMs)}; ${plural(total.orders, exactCount(total.orders), 'order')}.`,
      table: () => ({
        head: ['Time', 'New sessions', 'Page views', 'Events', 'Orders'],
        rows: windows.map((window, index) => [labels[index], ...[window.sessions, listed(sumOfValues(window.views), window), window.events, window.orders].map(exactCount)]).reverse(),
      }),
    };
  });
}

const configure = (times) => ({
  type: 'bar',
  options: { scales: { x: timeAxis(times.labelOf), y: countAxis() } },
});
