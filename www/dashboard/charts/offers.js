// Offers over time: how many were shown, and in front of them how many were taken.

import { byId, setText } from '../dom.js';
import { exactCount, percent } from '../format.js';
import { plural } from '../words.js';
import { createPanel } from './panel.js';
import { countAxis, inFront, timeAxis, token } from './theme.js';
import { roundTimes, windowLabels } from './time.js';

export function createOffersChart() {
  const times = roundTimes();
  return createPanel('offers', () => configure(times), (aggregates) => {
    const { windows, total } = aggregates;
    times.show(aggregates, byId('offers-chart'));
    const labels = windowLabels(aggregates);
    setText(byId('offers-note'), `${plural(total.offers.dismissed, exactCount(total.offers.dismissed), 'offer')} closed without being taken`);
    return {
      labels,
      datasets: inFront(
        { label: 'Taken', data: windows.map((window) => window.offers.accepted), backgroundColor: token('--offer-taken') },
        { label: 'Shown', data: windows.map((window) => window.offers.exposed), backgroundColor: token('--offer-shown') },
      ),
      empty: windows.every((window) => !window.offers.exposed && !window.offers.accepted),
      label: `Bars of offers over time: ${exactCount(total.offers.exposed)} shown, ${exactCount(total.offers.accepted)} taken (${percent(total.offers.accepted, total.offers.exposed)}).`,
      table: () => ({
        head: ['Time', 'Decided', 'Shown', 'Taken', 'Closed', 'Held out'],
        rows: windows
          .map(({ offers }, index) => [labels[index], ...[offers.decided, offers.exposed, offers.accepted, offers.dismissed, offers.holdout].map(exactCount)])
          .reverse(),
      }),
    };
  });
}

const configure = (times) => ({
  type: 'bar',
  options: { scales: { x: timeAxis(times.labelOf), y: countAxis() } },
});
