// The six figures at the top.

import { byId, setText } from './dom.js';
import { NOTHING, TOO_FEW, count, latency, money, percent, span } from './format.js';
import { plural } from './words.js';
import { sumOf } from './counts.js';
import { isSuppressing, listed } from './release.js';

export function showTiles(aggregates) {
  const { live, recent, total, from, to } = aggregates;
  const range = `last ${span(to - from)}`;
  const { decided, exposed, accepted } = total.offers;
  const hesitations = listed(sumOf(total.hesitations), total);
  tile('live', count(live.sessions), isSuppressing(aggregates) ? `in steps of ${count(aggregates.release.k)}` : `${count(recent.active_sessions)} active within 5 minutes`);
  tile('hesitations', count(hesitations), range);
  tile('shown', count(exposed), `of ${count(decided)} decided`);
  tile('taken', count(accepted), shareTaken(accepted, exposed));

  const [first, ...others] = Object.entries(total.revenue).sort((a, b) => b[1] - a[1]);
  const orders = [plural(total.orders, count(total.orders), 'order'), ...others.map(([currency, minor]) => `and ${money(minor, currency)}`)];
  tile('revenue', first ? money(first[1], first[0]) : total.suppressed ? TOO_FEW : NOTHING, `${orders.join(' ')}, ${range}`);

  const velocity = latestVelocity(aggregates);
  tile('velocity', velocity || !total.suppressed ? latency(velocity?.p50) : TOO_FEW, velocityNote(velocity, total));
}

function shareTaken(accepted, exposed) {
  if (exposed == null || accepted == null) return 'of too few sessions to say';
  return exposed ? `${percent(accepted, exposed)} of those shown` : 'none shown yet';
}

/** Times do not add up: where hours are published one by one, those of the latest that has any. */
const latestVelocity = ({ total, windows }) => total.velocity_ms ?? (total.suppressed ? windows.findLast((window) => window.velocity_ms)?.velocity_ms : null);

function velocityNote(velocity, { suppressed }) {
  if (!velocity) return suppressed ? 'of too few sessions to say' : 'no offer timed yet';
  const quantile = (ms) => (ms == null && suppressed ? TOO_FEW : latency(ms));
  return `p95 ${quantile(velocity.p95)} · p99 ${quantile(velocity.p99)}`;
}

function tile(name, value, note) {
  setText(byId(`tile-${name}`), value);
  setText(byId(`tile-${name}-note`), note);
}
