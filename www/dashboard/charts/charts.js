// Every chart of the page.

import { createHesitationCharts } from './hesitations.js';
import { createOffersChart } from './offers.js';
import { createShoppersChart } from './shoppers.js';
import { createVelocityChart } from './velocity.js';

export function createCharts() {
  const charts = [createShoppersChart(), createHesitationCharts(), createOffersChart(), createVelocityChart()];
  return (aggregates) => {
    for (const show of charts) show(aggregates);
  };
}
