// The table of recent sessions. On a phone each row becomes a card, which is why roles and labels are spelt out.

import { byId, element, reconcile, setAttribute, setText } from './dom.js';
import { NOTHING, count, exactCount, milliPercent, moment, money, timeOfDay } from './format.js';
import { deviceName, kindName, offerStateName, plural, robotName, stageName, trendOf, zoneName } from './words.js';
import { ask } from './stream.js';
import { countBy } from './counts.js';
import { isSuppressing } from './release.js';

const EVERY_MS = 3_000;
const AT_FIRST = 10;
const LIMIT = 50;
const KINDS_SHOWN = 2;

/** Keeps the table current, with one request in three seconds at most; call what it returns whenever aggregates arrive. */
export function createSessions() {
  const more = byId('sessions-more');
  let sessions = [];
  let visible = AT_FIRST;
  let site = null;
  let due = false; // aggregates have changed since the last request
  let waiting = false;

  more.addEventListener('click', () => {
    visible = visible === AT_FIRST ? LIMIT : AT_FIRST;
    show();
  });

  function show() {
    reconcile(byId('sessions'), sessions.slice(0, visible), (session) => session.session, createRow, fillRow);
    byId('sessions-table').hidden = sessions.length === 0;
    byId('sessions-empty').hidden = sessions.length > 0;
    more.hidden = sessions.length <= AT_FIRST;
    setText(more, visible === AT_FIRST ? `Show ${count(sessions.length - AT_FIRST)} more` : 'Show fewer');
  }

  async function refresh() {
    due = false;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      if (due) refresh();
    }, EVERY_MS);
    try {
      const answer = await ask(`/v1/sessions?site=${encodeURIComponent(site)}&limit=${LIMIT}`);
      // By their beginning, so that a row keeps its place while its shopper goes on.
      sessions = answer.sessions.sort((a, b) => b.started_at - a.started_at);
      show();
    } catch {
      // The connection's own state tells of the trouble; the rows stay as they were.
    }
  }

  return (aggregates) => {
    site = aggregates.site;
    const isHidden = isSuppressing(aggregates);
    byId('sessions-suppressed').hidden = !isHidden;
    byId('sessions-note').hidden = isHidden;
    if (isHidden) {
      byId('sessions-empty').hidden = true;
      setText(byId('sessions-suppressed'), `Single sessions are not shown: each row would be one shopper, and no number here is of fewer than ${count(aggregates.release.k)}.`);
      return;
    }
    due = true;
    if (!waiting) refresh();
  };
}

const COLUMNS = ['Shopper', 'Began', 'Intent', 'Hesitations', 'Offer', 'Purchase', 'Lost events'];

function createRow() {
  const cells = COLUMNS.map((name, index) => element(index ? 'td' : 'th', { role: index ? 'cell' : 'rowheader', 'data-label': name }));
  cells[0].setAttribute('scope', 'row');
  cells[0].append(element('span', { class: 'presence' }), element('code'), element('span', { class: 'soft' }), element('span', { class: 'unseen' }));
  cells[2].append(element('span', { class: 'badge' }), element('span', { class: 'soft' }), element('span', { class: 'unseen' }));
  cells[4].append(element('span', { class: 'badge' }), element('span', { class: 'soft' }));
  cells[6].setAttribute('class', 'number');
  return element('tr', { role: 'row' }, ...cells);
}

/** What the shopper points with; who is no shopper has no hand. */
function whoOrWhat({ traffic, device }) {
  if (traffic !== 'shopper') return robotName(traffic);
  return device ? deviceName(device) : '';
}

function fillRow(row, session) {
  const [shopper, began, intent, hesitations, offer, purchase, lost] = row.children;
  const [presence, pseudonym, device, spoken] = shopper.children;
  setAttribute(row, 'data-live', String(session.live));
  setAttribute(presence, 'title', session.live ? 'Live: seen within 30 minutes' : 'Ended');
  setText(pseudonym, session.session.slice(0, 8));
  setAttribute(pseudonym, 'title', session.session);
  setText(device, whoOrWhat(session));
  setText(spoken, session.live ? ', live' : '');

  setText(began, timeOfDay(session.started_at));
  setAttribute(began, 'title', `${moment(session.started_at)}; last seen ${timeOfDay(session.last_event_at)}`);

  fillIntent(intent, session);
  fillHesitations(hesitations, session);
  fillOffer(offer, session);
  setAttribute(purchase, 'data-bought', String(session.purchases > 0));
  setOrNothing(purchase, purchaseText(session));
  setOrNothing(lost, session.lost_events ? exactCount(session.lost_events) : '');
}

/** An empty cell says so with a dash, and is left out on a phone. */
function setOrNothing(cell, text) {
  setAttribute(cell, 'data-empty', String(!text));
  setText(cell, text || NOTHING);
}

function fillIntent(cell, { stage, p_buy_milli: buy, trend }) {
  const [badge, chance, spoken] = cell.children;
  setText(badge, stage ? stageName(stage) : 'Too new');
  setAttribute(badge, 'data-stage', stage ?? 'none');
  setText(chance, stage && buy != null ? `${milliPercent(buy)} ${trendOf(trend).sign}` : '');
  setText(spoken, stage ? `chance of a purchase, ${trendOf(trend).name}` : '');
}

function fillHesitations(cell, { hesitations, frustrations }) {
  const kinds = countBy(hesitations, (row) => row.kind);
  const parts = kinds.slice(0, KINDS_SHOWN).map(([kind, times]) => `${kindName(kind)}${times > 1 ? ` ×${exactCount(times)}` : ''}`);
  if (kinds.length > KINDS_SHOWN) parts.push(`${exactCount(kinds.length - KINDS_SHOWN)} more`);
  if (frustrations > 0) parts.push(plural(frustrations, exactCount(frustrations), 'frustration'));
  setOrNothing(cell, parts.join(', '));
  setAttribute(cell, 'title', hesitations.map((row) => `${kindName(row.kind)} (${zoneName(row.zone)}) ×${exactCount(row.count)}`).join('\n'));
}

function fillOffer(cell, { offers, consent }) {
  const [badge, name] = cell.children;
  const last = offers.findLast(({ state }) => state === 'accepted') ?? offers.at(-1);
  badge.hidden = !last;
  setAttribute(badge, 'data-offer', last?.state ?? 'none');
  setText(badge, last ? offerStateName(last.state) : '');
  const refused = consent && consent.personalize !== 'granted';
  setAttribute(cell, 'data-empty', String(!last && !refused));
  setText(name, last ? (last.offer ?? '') : refused ? 'No consent to offers' : NOTHING);
  setAttribute(cell, 'title', last ? `${offerStateName(last.state)} ${moment(last.at)} in ${last.slot}` : '');
}

function purchaseText({ purchases, revenue }) {
  if (!purchases) return '';
  const sums = Object.entries(revenue).map(([currency, minor]) => money(minor, currency));
  return sums.length ? sums.join(' + ') : plural(purchases, exactCount(purchases), 'order');
}
