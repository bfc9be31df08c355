// Why a decision ended without an offer.

import { showBars } from './bars.js';
import { byId, setText } from './dom.js';
import { count } from './format.js';
import { plural, withheldName } from './words.js';
import { sumOfValues } from './counts.js';
import { listed } from './release.js';

const ROWS = 6;

export function showWithheld({ total }) {
  const { decided, holdout, withheld } = total.offers;
  const reasons = { ...withheld, holdout };
  const ranked = Object.entries(reasons).filter(([, times]) => times > 0).sort((a, b) => b[1] - a[1]);
  const shown = ranked.slice(0, ranked.length > ROWS ? ROWS - 1 : ROWS);
  const rest = ranked.slice(shown.length).reduce((sum, [, times]) => sum + times, 0);

  const rows = shown.map(([reason, value]) => ({ key: reason, name: withheldName(reason), value, color: reason === 'holdout' ? '--holdout' : '--accent' }));
  if (rest) rows.push({ key: 'rest', name: 'Other reasons', value: rest, color: '--accent' });
  showBars(byId('withheld'), rows);
  byId('withheld-empty').hidden = rows.length > 0;
  const none = sumOfValues(reasons);
  const all = decided + none;
  if (total.suppressed) return setText(byId('withheld-note'), `${plural(none, count(listed(none, total)), 'decision')} without an offer, in cells that are shown`);
  setText(byId('withheld-note'), all ? `${count(none)} of ${plural(all, count(all), 'decision')}` : 'No decision was asked for yet');
}
