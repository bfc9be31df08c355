// Whether the figures can be believed: live, reconnecting, or stale, and how old they are.

import { byId, setText } from './dom.js';
import { age } from './format.js';

const STATES = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', stale: 'Stale', refused: 'Refused' };
const SETTLED_MS = 2_000; // younger than this is simply "now"

export function createStatus(onRetry) {
  const connection = byId('connection');
  const figures = byId('figures');
  const alarm = byId('alarm');
  byId('alarm-retry').addEventListener('click', onRetry);

  return ({ state, age_ms: ageMs, message }) => {
    connection.dataset.state = state;
    figures.dataset.state = state;
    setText(byId('connection-state'), STATES[state]);
    setText(byId('connection-age'), ageMs === null ? '' : ageMs < SETTLED_MS ? 'now' : `${age(ageMs)} ago`);

    alarm.hidden = state !== 'stale' && state !== 'refused';
    byId('alarm-retry').hidden = state === 'refused';
    if (state === 'refused') setText(byId('alarm-text'), message);
    else if (ageMs === null) setText(byId('alarm-text'), 'The collector does not answer. Is it running? This page keeps trying.');
    else setText(byId('alarm-text'), `These figures are ${age(ageMs)} old: the collector does not answer. This page keeps trying.`);
  };
}
