// What is not shown, and why: numbers that too few sessions stand behind are suppressed by the collector, and here they are words, never zeros.

import { byId, setAttribute, setText } from './dom.js';
import { moment, span } from './format.js';

/** Whether the collector holds back numbers of few sessions. */
export const isSuppressing = ({ release }) => release.k > 1;

/** A sum over a list of the aggregates: null where what is not listed may be more than nothing. */
export const listed = (sum, { suppressed }) => (sum === 0 && suppressed ? null : sum);

/** Says above all figures what they leave out. */
export function showRelease({ release }) {
  const note = byId('release');
  const { k, published_until: until, after_ms: after } = release;
  setAttribute(note, 'data-open', String(k <= 1));
  setText(note, k <= 1
    ? `Suppression is off (release.k = ${k}): single shoppers are shown. For demos and tests only.`
    : `No number here is of fewer than ${k} sessions; where it would be, it says “too few”. Each hour is published once, one ${span(after)} after its end: so far up to ${moment(until)}.`);
}
