// The finding of the hour in a sentence, or what to do when there is nothing to see yet.

import { countBy, sumOf } from './counts.js';
import { byId, setText } from './dom.js';
import { count, percent, span } from './format.js';
import { isSuppressing, listed } from './release.js';
import { kindName, pageName, plural } from './words.js';

const DEMO_SITE = 'demo';

export function showHeadline(aggregates) {
  const { site, live, total } = aggregates;
  const empty = live.sessions === 0 && total.events === 0; // never where numbers are suppressed: they are null then
  byId('insight').hidden = empty;
  byId('welcome-demo').hidden = !empty || site !== DEMO_SITE;
  byId('welcome-install').hidden = !empty || site === DEMO_SITE;
  document.title = `${count(live.sessions)} live · Waver`;
  if (isSuppressing(aggregates) && total.events == null) return showTooFew(aggregates);
  if (!empty) return showFinding(aggregates);
  setText(byId('headline'), 'No shoppers yet');
  setText(byId('welcome-tag'), `<script async src="${location.origin}/waver.js" data-site="${site}" crossorigin></script>`);
}

function showTooFew({ release, to, from }) {
  setText(byId('headline'), 'Too few shoppers to show');
  setText(byId('insight'), `No hour ${to > from ? `of the last ${span(to - from)}` : 'yet'} has had ${count(release.k)} sessions and been published. That events arrive can be seen below, in their outcomes.`);
}

function showFinding({ total, from, to }) {
  const range = `the last ${span(to - from)}`;
  const hesitations = listed(sumOf(total.hesitations), total);
  const { exposed, accepted } = total.offers;
  const offers = exposed ? `${plural(accepted, count(accepted), 'offer')} taken of ${count(exposed)} shown.` : '';
  if (!hesitations) {
    setText(byId('headline'), hesitations === null ? `Too few shoppers hesitated in ${range} to say how` : `Nobody hesitated in ${range}`);
    setText(byId('insight'), offers);
    return;
  }
  const [[kind, times]] = countBy(total.hesitations, (row) => row.kind);
  const [[page]] = countBy(total.hesitations.filter((row) => row.kind === kind), (row) => row.page);
  setText(byId('headline'), `Shoppers hesitate most by ${kindName(kind).toLowerCase()}`);
  setText(byId('insight'), `${percent(times, hesitations)} of the hesitations of ${range}, mostly on ${pageName(page)}. ${offers}`);
}
