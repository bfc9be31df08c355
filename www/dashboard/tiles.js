// The headline and the six figures under it.

import { byId, setText } from './dom.js';
import { NOTHING, count, latency, money, percent, span } from './format.js';
import { kindName, pageName, plural } from './words.js';
import { countBy, sumOf } from './counts.js';

export function showHeadline({ live, total, from, to }) {
  const shoppers = plural(live.sessions, count(live.sessions), 'shopper');
  setText(byId('headline'), `${shoppers} in the shop right now`);

  const hesitations = sumOf(total.hesitations);
  const sentences = [];
  if (hesitations) {
    const [[kind, times]] = countBy(total.hesitations, (row) => row.kind);
    const [[page]] = countBy(total.hesitations.filter((row) => row.kind === kind), (row) => row.page);
    sentences.push(`What holds them back most in the last ${span(to - from)}: ${kindName(kind).toLowerCase()}, mostly on ${pageName(page)} (${percent(times, hesitations)} of all hesitations).`);
  }
  const { exposed, accepted } = total.offers;
  if (exposed) sentences.push(`${plural(accepted, count(accepted), 'offer')} taken of ${count(exposed)} shown.`);
  setText(byId('insight'), sentences.join(' ') || `Nobody hesitated in the last ${span(to - from)}.`);
  document.title = `${count(live.sessions)} live · Waver`;
}

export function showTiles({ live, total, windows, from, to }) {
  const range = `last ${span(to - from)}`;
  const { decided, exposed, accepted } = total.offers;
  const hesitations = sumOf(total.hesitations);
  const ready = live.by_stage.high ?? 0;
  tile('live', count(live.sessions), `${count(ready)} with high intent`);
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
