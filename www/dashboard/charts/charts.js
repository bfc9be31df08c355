// Every chart of the page, over the same windows.

import { createArrivalsChart } from './arrivals.js';
import { createHesitationCharts } from './hesitations.js';
import { createOffersChart } from './offers.js';
import { createVelocityChart } from './velocity.js';

const FEWEST_WINDOWS = 20;

export function createCharts() {
  const charts = [createArrivalsChart(), createHesitationCharts(), createOffersChart(), createVelocityChart()];
  return (aggregates) => {
    const shown = { ...aggregates, windows: sinceFirstEvent(aggregates.windows) };
    for (const show of charts) show(shown);
  };
}

/** Without the empty windows before a young shop's first event, so that its first minutes fill the charts. */
function sinceFirstEvent(windows) {
  const first = windows.findIndex((window) => window.events > 0);
  return windows.slice(Math.min(Math.max(first, 0), Math.max(0, windows.length - FEWEST_WINDOWS)));
}
