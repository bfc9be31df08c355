// The live page. One document comes in, once a second at most; every part of the page shows its share of it.

import { showApart } from './apart.js';
import { createCharts } from './charts/charts.js';
import { createDeadLetters } from './dead_letters.js';
import { byId, setText } from './dom.js';
import { showHeadline } from './headline.js';
import { showLateness } from './lateness.js';
import { showLoss } from './loss.js';
import { createModels } from './models.js';
import { showOutcomes } from './outcomes.js';
import { showRelease } from './release.js';
import { createSessions } from './sessions.js';
import { showMoves, showStages } from './stages.js';
import { createStatus } from './status.js';
import { follow } from './stream.js';
import { showTiles } from './tiles.js';
import { showWithheld } from './withheld.js';
import { createWorth } from './worth.js';

const showCharts = createCharts();
const refreshSessions = createSessions();
const parts = [
  showRelease,
  showHeadline,
  showTiles,
  showStages,
  showMoves,
  showWithheld,
  showOutcomes,
  showLoss,
  showApart,
  showLateness,
  createDeadLetters(),
  createModels(),
  createWorth(),
  showCharts,
];

let latest = null;
let scheduled = false;

/** Draws the newest document before the next frame; a hidden page draws nothing until it is looked at. */
function draw() {
  if (scheduled || !latest || document.hidden) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    for (const show of parts) show(latest);
    setText(byId('site'), latest.site);
    setText(byId('policy'), latest.policy ? `Policy ${latest.policy}` : '');
    refreshSessions(latest);
  });
}

const connection = follow(
  new URLSearchParams(location.search).get('site'),
  (aggregates) => {
    latest = aggregates;
    draw();
  },
  createStatus(() => connection.retryNow()),
);

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  connection.retryNow();
  draw();
});
