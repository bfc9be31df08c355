// Hesitations, twice: by kind over time, and by zone. Both stack the same kinds in the same colours under one legend.

import { byId, element, reconcile, setText } from '../dom.js';
import { exactCount, span } from '../format.js';
import { kindColor, kindName, plural, zoneName } from '../words.js';
import { countBy, sumOf } from '../counts.js';
import { listed } from '../release.js';
import { createPanel } from './panel.js';
import { countAxis, timeAxis, token } from './theme.js';
import { roundTimes, windowLabels } from './time.js';

const KINDS = 7; // more than this cannot be told apart; the rest is added up
const ZONES = 7;
const OTHER = 'other';

export function createHesitationCharts() {
  const showKinds = createKindsChart();
  const showZones = createZonesChart();
  return (aggregates) => {
    const kinds = leadingKinds(aggregates.total.hesitations);
    showLegend(kinds);
    const all = sumOf(aggregates.total.hesitations);
    setText(byId('hesitations-note'), `${plural(all, exactCount(listed(all, aggregates.total)), 'time')} in the last ${span(aggregates.to - aggregates.from)}`);
    showKinds({ ...aggregates, kinds });
    showZones({ ...aggregates, kinds });
  };
}

/** The kinds to show, most frequent first, and `other` where there are too many. */
function leadingKinds(rows) {
  const kinds = countBy(rows, (row) => row.kind).map(([kind]) => kind);
  return kinds.length > KINDS ? [...kinds.slice(0, KINDS - 1), OTHER] : kinds;
}

const nameOf = (kind) => (kind === OTHER ? 'Other kinds' : kindName(kind));
const among = (kinds) => (row) => (kinds.includes(row.kind) ? row.kind : OTHER);

function showLegend(kinds) {
  reconcile(byId('kinds-legend'), kinds, (kind) => kind, createEntry, (entry, kind) => {
    entry.firstChild.style.setProperty('background', `var(${kindColor(kind)})`);
    setText(entry.lastChild, nameOf(kind));
  });
}

const createEntry = () => element('li', {}, element('span', { class: 'swatch', 'aria-hidden': 'true' }), element('span'));

const stackOf = (kind, data) => ({ label: nameOf(kind), data, backgroundColor: token(kindColor(kind)), hoverBackgroundColor: token(kindColor(kind)) });

const noneSaid = ({ suppressed }) => (suppressed ? 'Too few hesitations to show.' : 'No hesitations yet.');

function createKindsChart() {
  const times = roundTimes();
  return createPanel('kinds', () => configure('x', { x: { ...timeAxis(times.labelOf), stacked: true }, y: { ...countAxis(), stacked: true } }), (aggregates) => {
    const { windows, kinds } = aggregates;
    times.show(aggregates, byId('kinds-chart'));
    const labels = windowLabels(aggregates);
    const counts = windows.map((window) => new Map(countBy(window.hesitations, among(kinds))));
    const [first] = countBy(aggregates.total.hesitations, (row) => row.kind);
    return {
      labels,
      datasets: kinds.map((kind) => stackOf(kind, counts.map((window) => window.get(kind) ?? 0))),
      empty: kinds.length === 0,
      label: first ? `Stacked bars of hesitations over time. Most frequent: ${kindName(first[0])}, ${plural(first[1], exactCount(first[1]), 'time')}.` : noneSaid(aggregates.total),
      table: () => ({
        head: ['Time', ...kinds.map(nameOf)],
        rows: labels.map((label, index) => [label, ...kinds.map((kind) => exactCount(counts[index].get(kind) ?? listed(0, windows[index])))]).reverse(),
      }),
    };
  });
}

function createZonesChart() {
  const scales = () => ({
    x: { ...countAxis(), stacked: true },
    y: { stacked: true, grid: { display: false }, border: { color: token('--line-strong') }, ticks: { color: token('--ink'), autoSkip: false } },
  });
  return createPanel('zones', () => configure('y', scales()), ({ total, kinds }) => {
    const zones = countBy(total.hesitations, (row) => row.zone ?? null).slice(0, ZONES);
    const counts = new Map(countBy(total.hesitations, (row) => `${row.zone ?? null} ${among(kinds)(row)}`));
    const countOf = (zone, kind) => counts.get(`${zone} ${kind}`) ?? 0;
    return {
      labels: zones.map(([zone]) => zoneName(zone)),
      datasets: kinds.map((kind) => stackOf(kind, zones.map(([zone]) => countOf(zone, kind)))),
      empty: zones.length === 0,
      label: zones.length ? `Stacked bars of hesitations by zone. ${zones.map(([zone, times]) => `${zoneName(zone)} ${exactCount(times)}`).join(', ')}.` : noneSaid(total),
      table: () => ({
        head: ['Zone', ...kinds.map(nameOf)],
        rows: zones.map(([zone]) => [zoneName(zone), ...kinds.map((kind) => exactCount(listed(countOf(zone, kind), total)))]),
      }),
    };
  });
}

const configure = (indexAxis, scales) => ({
  type: 'bar',
  options: {
    indexAxis,
    scales,
    datasets: {
      bar: { borderColor: token('--surface'), borderWidth: 0.5, borderSkipped: false, borderRadius: 2, categoryPercentage: 0.9, barPercentage: 0.9, maxBarThickness: 30 },
    },
    plugins: { tooltip: { filter: ({ raw }) => raw > 0 } },
  },
});
