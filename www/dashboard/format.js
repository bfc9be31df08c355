// Numbers, money and times as the reader's own locale writes them.

export const NOTHING = '–';
/** What stands for a number that the collector suppressed: of few sessions, or of none. */
export const TOO_FEW = 'too few';

const whole = new Intl.NumberFormat();
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 0 });
const fineShare = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const fineClock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = [['day', DAY, 'd'], ['hour', HOUR, 'h'], ['minute', MINUTE, 'min'], ['second', SECOND, 's']];

/** 12,345; above a hundred thousand 123.5K, so that a tile never overflows. */
export const count = (n) => (n == null ? TOO_FEW : (n < 100_000 ? whole : compact).format(n));
export const exactCount = (n) => (n == null ? TOO_FEW : whole.format(n));

/** `part` of `all`; a dash where there is nothing to divide by. Small shares keep their decimals. */
export function percent(part, all) {
  if (part == null || all == null) return TOO_FEW;
  if (!all) return NOTHING;
  const fraction = part / all;
  return (fraction > 0 && fraction < 0.01 ? fineShare : share).format(fraction);
}

export const milliPercent = (milli) => share.format(milli / 1000);

/** Minor units of an ISO 4217 currency. */
export function money(minor, currency) {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** A latency: 480 ms, 1.2 s. Symbols of units are the same in every language, and the page is in English. */
export function latency(ms) {
  if (ms == null) return NOTHING;
  return ms < SECOND ? `${whole.format(ms)} ms` : `${tenths.format(ms / SECOND)} s`;
}

/** How old something is: 4 s, 12 min, 3 h. */
export function age(ms) {
  const [, size, symbol] = UNITS.find(([, unit]) => ms >= unit) ?? UNITS.at(-1);
  return `${whole.format(Math.max(0, Math.floor(ms / size)))} ${symbol}`;
}

/** A stretch of time in words, one of anything without its number: "hour", "15 minutes". */
export function span(ms) {
  const [name, size] = UNITS.find(([, unit]) => ms >= unit) ?? UNITS.at(-1);
  const amount = Math.round(ms / size);
  return amount === 1 ? name : `${whole.format(amount)} ${name}s`;
}

/** Time of day; with seconds where windows are shorter than a minute. */
export const timeOfDay = (at, windowMs = MINUTE) => (windowMs < MINUTE ? fineClock : clock).format(at);
export const moment = (at) => dayAndClock.format(at);
