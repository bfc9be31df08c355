// Velocity: how long a shopper's signal waits for its offer. Windows without an offer leave a gap.

import { byId } from '../dom.js';
import { NOTHING, TOO_FEW, exactCount, latency } from '../format.js';
import { createPanel } from './panel.js';
import { timeAxis, token } from './theme.js';
import { roundTimes, windowLabels } from './time.js';

const QUANTILES = ['p50', 'p95', 'p99'];

export function createVelocityChart() {
  const times = roundTimes();
  return createPanel('velocity', () => configure(times), (aggregates) => {
    const { windows, total } = aggregates;
    times.show(aggregates, byId('velocity-chart'));
    const labels = windowLabels(aggregates);
    const overall = total.velocity_ms;
    const [none, missing] = total.suppressed ? [null, TOO_FEW] : [0, NOTHING];
    return {
      labels,
      datasets: QUANTILES.map((quantile) => ({
        label: quantile,
        data: windows.map((window) => window.velocity_ms?.[quantile] ?? null),
        borderColor: token(`--velocity-${quantile}`),
        backgroundColor: token(`--velocity-${quantile}`),
      })),
      empty: windows.every((window) => !window.velocity_ms),
      label: overall
        ? `Lines of the time from signal to offer: half within ${latency(overall.p50)}, 95 % within ${latency(overall.p95)}, 99 % within ${latency(overall.p99)}.`
        : total.suppressed ? 'Lines of the time from signal to offer, hour by hour; times of too few sessions are left out.' : 'No offer has been timed yet.',
      table: () => ({
        head: ['Time', 'Offers timed', ...QUANTILES],
        rows: windows
          .map(({ velocity_ms: velocity }, index) => [labels[index], exactCount(velocity ? velocity.count : none), ...QUANTILES.map((quantile) => (velocity?.[quantile] == null ? missing : latency(velocity[quantile])))])
          .reverse(),
      }),
    };
  });
}

const configure = (times) => ({
  type: 'line',
  options: {
    scales: {
      x: timeAxis(times.labelOf),
      y: { beginAtZero: true, suggestedMax: 500, border: { display: false }, ticks: { maxTicksLimit: 5, padding: 6, callback: latency } },
    },
    elements: { line: { borderWidth: 1.5, tension: 0.2, cubicInterpolationMode: 'monotone' }, point: { radius: 1.5, hoverRadius: 4, hitRadius: 12 } },
    datasets: { line: { spanGaps: true } },
    plugins: { tooltip: { callbacks: { label: ({ dataset, raw }) => ` ${dataset.label}  ${latency(raw)}` } } },
  },
});
