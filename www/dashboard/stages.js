// Intent: where the shoppers stand now, and how they move between the stages.

import { showBars } from './bars.js';
import { byId, element, setAttribute, setText } from './dom.js';
import { count, exactCount, percent } from './format.js';
import { STAGES, plural, stageName } from './words.js';
import { countBy } from './counts.js';
import { isSuppressing, listed } from './release.js';

export function showStages(aggregates) {
  const { live } = aggregates;
  const scored = STAGES.reduce((sum, stage) => sum + (live.by_stage[stage] ?? 0), 0);
  showBars(
    byId('stages'),
    STAGES.map((stage) => ({ key: stage, name: stageName(stage), value: live.by_stage[stage], color: `--stage-${stage}` })),
  );
  const undecided = live.sessions - scored;
  if (isSuppressing(aggregates)) setText(byId('stages-foot'), `Rounded down to multiples of ${count(aggregates.release.k)}`);
  else setText(byId('stages-foot'), undecided > 0 ? `${plural(undecided, count(undecided), 'session')} too new to say` : 'Scored in the shopper’s own browser');
}

export function showMoves({ total }) {
  const moves = new Map(countBy(total.stage_moves, (move) => `${move.from}>${move.to}`));
  const largest = Math.max(1, ...moves.values());
  const head = byId('moves-head');
  if (!head.children.length) {
    head.append(element('td'), ...STAGES.map((stage) => element('th', { scope: 'col' }, stageName(stage))));
    byId('moves').append(...STAGES.map(createRow));
  }
  STAGES.forEach((from, row) => {
    STAGES.forEach((to, column) => {
      const cell = byId('moves').children[row].children[column + 1];
      const times = moves.get(`${from}>${to}`) ?? listed(0, total);
      setText(cell, from === to ? '' : exactCount(times));
      setAttribute(cell, 'class', from === to ? 'same' : times ? 'some' : 'none');
      cell.style.setProperty('--share', times / largest);
    });
  });
  const all = [...moves.values()].reduce((sum, times) => sum + times, 0);
  const upward = ['low>building', 'low>high', 'building>high'].reduce((sum, move) => sum + (moves.get(move) ?? 0), 0);
  setText(byId('moves-foot'), all ? `${percent(upward, all)} of ${plural(all, count(all), 'move')} led towards a purchase` : total.suppressed ? 'Too few have changed stage' : 'Nobody has changed stage yet');
}

const createRow = (stage) => element('tr', {}, element('th', { scope: 'row' }, stageName(stage)), ...STAGES.map(() => element('td')));
