// Labels of windows along a time axis.

import { timeOfDay } from '../format.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR];
const LABEL_REM = 4.5;

/** Labels of all windows, in words of the reader's clock. */
export const windowLabels = ({ windows, window_ms: step }) => windows.map((window) => timeOfDay(window.start, step));

/** For `timeAxis`: keeps the labels at round local times, as many as there is room for. */
export function roundTimes() {
  let starts = [];
  let labels = [];
  let round = () => false;
  return {
    /** Tells it of the windows shown and of the chart they are shown in. */
    show({ windows, window_ms: windowMs }, canvas) {
      starts = windows.map((window) => window.start);
      labels = windowLabels({ windows, window_ms: windowMs });
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
      const room = Math.max(2, Math.floor(canvas.clientWidth / (LABEL_REM * rem)));
      const range = windows.length * windowMs;
      const step = STEPS.find((size) => size >= windowMs && range / size <= room) ?? STEPS.at(-1);
      round = (start) => {
        const local = start - new Date(start).getTimezoneOffset() * MINUTE;
        return local % step < windowMs;
      };
    },
    labelOf: (index) => (round(starts[index]) ? labels[index] : ''),
  };
}
