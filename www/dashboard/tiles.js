// The headline and the six figures under it.

import { byId, setText } from './dom.js';
import { NOTHING, count, latency, money, percent, span } from './format.js';
import { kindName, pageName, plural } from './words.js';
import { countBy, sumOf } from './counts.js';

export function showHeadline({ live, total, from, to }) {
  const range = `the last ${span(to - from)}`;
  const hesitations = sumOf(total.hesitations);
  const { exposed, accepted } = total.offers;
  const offers = exposed ? `${plural(accepted, count(accepted), 'offer')} taken of ${count(exposed)} shown.` : '';
  if (hesitations) {
    const [[kind, times]] = countBy(total.hesitations, (row) => row.kind);
    const [[page]] = countBy(total.hesitations.filter((row) => row.kind === kind), (row) => row.page);
    setText(byId('headline'), `Shoppers hesitate most by ${kindName(kind).toLowerCase()}`);
    setText(byId('insight'), `${percent(times, hesitations)} of the hesitations of ${range}, mostly on ${pageName(page)}. ${offers}`);
  } else {
    setText(byId('headline'), `Nobody hesitated in ${range}`);
    setText(byId('insight'), offers);
  }
  document.title = `${count(live.sessions)} live · Waver`;
}

export function showTiles({ live, total, windows, from, to }) {
  const range = `last ${span(to - from)}`;
  const { decided, exposed, accepted } = total.offers;
  const hesitations = sumOf(total.hesitations);
  tile('live', count(live.sessions), 'seen within 30 minutes');
  tile('hesitations', count(hesitations), range);
  tile('shown', count(exposed), `of ${count(decided)} decided`);
  tile('taken', count(accepted), exposed ? `${percent(accepted, exposed)} of those shown` : 'none shown yet');

  const [first, ...others] = Object.entries(total.revenue).sort((a, b) => b[1] - a[1]);
  const orders = [plural(total.orders, count(total.orders), 'order'), ...others.map(([currency, minor]) => `and ${money(minor, currency)}`)];
  tile('revenue', first ? money(first[1], first[0]) : NOTHING, `${orders.join(' ')}, ${range}`);

  const velocity = total.velocity_ms;
  tile('velocity', latency(velocity?.p50), velocity ? `p95 ${latency(velocity.p95)} · p99 ${latency(velocity.p99)}` : 'no offer timed yet');
}

function tile(name, value, note) {
  setText(byId(`tile-${name}`), value);
  setText(byId(`tile-${name}-note`), note);
}
