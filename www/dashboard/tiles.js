// The six figures at the top.

import { byId, setText } from './dom.js';
import { NOTHING, count, latency, money, percent, span } from './format.js';
import { plural } from './words.js';
import { sumOf } from './counts.js';

export function showTiles({ live, recent, total, from, to }) {
  const range = `last ${span(to - from)}`;
  const { decided, exposed, accepted } = total.offers;
  const hesitations = sumOf(total.hesitations);
  tile('live', count(live.sessions), `${count(recent.active_sessions)} active within 5 minutes`);
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
