// Traffic that is not of shoppers: counted here and in no other figure.

import { showBars } from './bars.js';
import { byId, setText } from './dom.js';
import { count, span } from './format.js';
import { plural, trafficName } from './words.js';

export function showApart({ total, live, from, to }) {
  const classes = [...total.automated].sort((a, b) => b.sessions - a.sessions || b.events - a.events);
  showBars(byId('apart'), classes.map(({ traffic, sessions }) => ({ key: traffic, name: trafficName(traffic), value: sessions, color: '--holdout' })));
  byId('apart-empty').hidden = classes.length > 0;
  const events = classes.reduce((sum, { events: some }) => sum + some, 0);
  if (total.suppressed) setText(byId('apart-empty'), 'Too few sessions of any such kind to show.');
  setText(byId('apart-note'), `Sessions of the last ${span(to - from)} that are no shoppers’`);
  setText(byId('apart-foot'), classes.length
    ? `${plural(events, count(events), 'event')}, in no other figure; ${count(live.automated)} live. They are offered nothing.`
    : '');
}
