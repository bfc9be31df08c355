// Every chart of the page.

import { createArrivalsChart } from './arrivals.js';
import { createHesitationCharts } from './hesitations.js';
import { createOffersChart } from './offers.js';
import { createVelocityChart } from './velocity.js';

export function createCharts() {
  const charts = [createArrivalsChart(), createHesitationCharts(), createOffersChart(), createVelocityChart()];
  return (aggregates) => {
    for (const show of charts) show(aggregates);
  };
}
