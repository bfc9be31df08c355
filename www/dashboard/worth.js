// What each offer is worth: what it changed against the holdout, with an interval that may be looked at every day.

import { byId, element, reconcile, setAttribute, setText } from './dom.js';
import { exactCount, money, moment, NOTHING, percent } from './format.js';
import { ask } from './stream.js';
import { standingName } from './words.js';

// A session counts once it is over, so a minute is often enough.
const EVERY_MS = 60_000;
const points = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });

/** Keeps the card current, with one request in a minute at most; call what it returns whenever aggregates arrive. */
export function createWorth() {
  let askedAt = -Infinity;
  return async ({ site }) => {
    if (performance.now() - askedAt < EVERY_MS) return;
    askedAt = performance.now();
    try {
      show(await ask(`/v1/offers/report?site=${encodeURIComponent(site)}`));
    } catch {
      // The connection's own state tells of the trouble; the rows stay as they were.
    }
  };
}

function show({ offers, stopped, release_k: k }) {
  const stops = new Map(stopped.map((stop) => [stop.offer, stop]));
  reconcile(byId('worth'), offers, ({ offer }) => offer, createRow, (node, report) => fill(node, report, stops.get(report.offer)));
  byId('worth-table').hidden = offers.length === 0;
  byId('worth-empty').hidden = offers.length > 0;
  const few = k > 1 ? ` It moves on when ${k} more sessions have bought in each arm, and as many have not.` : '';
  setText(byId('worth-foot'), offers.length ? `Intervals hold at 95 % however often they are looked at.${few}` : '');
  setText(byId('worth-note'), 'Per session that was assigned, against those held out; a session counts once it is over');
}

function fill(node, report, stop) {
  const { offer, arms, assigned, currency, standing } = report;
  const inMoney = (effect) => interval(effect, (minor) => signedMoney(minor, currency));
  const cells = [
    offer,
    sessionsOf(arms),
    interval(assigned.conversion, (share) => `${sign(share)}${points.format(Math.abs(share) * 100)}`, ' points'),
    inMoney(assigned.revenue_minor),
    inMoney(assigned.margin_minor),
  ];
  cells.forEach((text, place) => setText(node.children[place], text));
  const verdict = node.lastElementChild.firstElementChild;
  setText(verdict, stop ? 'Stopped' : standingName(standing));
  const good = standing === 'gain' && !stop;
  const bad = stop || standing === 'harm' || standing === 'broken';
  if (good || bad) setAttribute(verdict, 'data-balanced', String(good));
  else verdict.removeAttribute('data-balanced');
  setText(node.lastElementChild.lastElementChild, stop ? ` since ${moment(stop.at)}: its ${stop.measure} interval is below zero` : trouble(report));
}

function sessionsOf(arms) {
  const of = (arm) => exactCount(arms.find((one) => one.arm === arm)?.assigned ?? 0);
  return `${of('offer')} offered, ${of('holdout')} held out`;
}

/** An estimate with its interval and unit; a dash where there is none. */
function interval(effect, say, unit = '') {
  return effect ? `${say(effect.per_session)} (${say(effect.low)} to ${say(effect.high)})${unit}` : NOTHING;
}

const sign = (value) => (value < 0 ? '−' : '+');

function signedMoney(minor, currency) {
  return `${sign(minor)}${money(Math.abs(minor), currency)}`;
}

/** What makes the numbers of an offer doubtful. */
function trouble({ sample_ratio: all, exposed_ratio: exposed }) {
  const share = ({ found, expected }) => ` ${percent(found, 1)} of sessions are held out, and not ${percent(expected, 1)}`;
  if (all.alarm) return share(all);
  if (exposed.alarm) return ` of those that it was or would have been shown to,${share(exposed)}`;
  return '';
}

const createRow = () =>
  element('tr', {}, element('th', { scope: 'row' }), ...[1, 2, 3, 4].map(() => element('td')), element('td', {}, element('span', { class: 'verdict' }), element('span', { class: 'soft' })));
