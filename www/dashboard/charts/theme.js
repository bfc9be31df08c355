// The style sheet is the one source of colour and type; Chart.js is told what it says, again when light turns to dark.

import { BarController, BarElement, CategoryScale, Chart, LineController, LineElement, LinearScale, PointElement, Tooltip } from 'chart.js';
import { exactCount } from '../format.js';

Chart.register(BarController, BarElement, CategoryScale, LineController, LineElement, LinearScale, PointElement, Tooltip);

/** The value of a custom property such as `--accent`. */
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function applyTheme() {
  const { defaults } = Chart;
  const root = getComputedStyle(document.documentElement);
  const rem = parseFloat(root.fontSize);
  defaults.font.family = root.fontFamily;
  defaults.font.size = rem * 0.75;
  defaults.color = token('--ink-soft');
  defaults.borderColor = token('--line');
  defaults.animation = false; // figures that move every second are calmer without
  defaults.maintainAspectRatio = false;
  defaults.layout.padding = { right: rem * 0.75 }; // room for a label under the last window
  defaults.interaction.mode = 'index';
  defaults.interaction.intersect = false;
  Object.assign(defaults.plugins.tooltip, {
    backgroundColor: token('--raised'),
    borderColor: token('--line-strong'),
    borderWidth: 1,
    titleColor: token('--ink'),
    bodyColor: token('--ink'),
    footerColor: token('--ink-soft'),
    padding: rem * 0.625,
    cornerRadius: 8,
    boxWidth: 8,
    boxHeight: 8,
    boxPadding: 5,
    usePointStyle: true,
  });
}

/** Calls `again` once now and whenever the system's colour scheme changes. */
export function onTheme(again) {
  const themed = () => {
    applyTheme();
    again();
  };
  themed();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', themed);
}

/** A horizontal axis of windows, with a label at round times only. */
export const timeAxis = (labelOf) => ({
  offset: true, // lines stand where bars would, so that charts above each other agree
  grid: { display: false },
  border: { color: token('--line-strong') },
  ticks: { autoSkip: false, maxRotation: 0, callback: (index) => labelOf(index) },
});

/** Two bars in one place: a part, narrow, in front of its whole. */
export const inFront = (part, whole) => [
  { ...bar, ...part, barPercentage: 0.5, maxBarThickness: 16, order: 0 },
  { ...bar, ...whole, barPercentage: 0.95, maxBarThickness: 30, order: 1 },
];

const bar = { grouped: false, categoryPercentage: 0.9, borderRadius: 2 };

/** A vertical axis of counts from zero, never with fractions. */
export const countAxis = () => ({
  beginAtZero: true,
  suggestedMax: 4,
  border: { display: false },
  ticks: { precision: 0, maxTicksLimit: 5, padding: 6, callback: exactCount },
});
