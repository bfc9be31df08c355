// Waver tells the page about hesitation too, and the page may simply help. Here: one quiet line under the button.
import { html, show } from './html.js';

window.__shop = { hesitations: [] }; // for whoever opens the console of the demo

function hintFor({ kind, zone }) {
  if (zone === 'size' || zone === 'variant' || kind === 'variant_switching') {
    return html`Between two sizes? Take the larger one; an exchange is free.`;
  }
  if (zone === 'price' || kind === 'price_dwell') {
    return html`A torn seam or a tired zip? Mended free for ten years.`;
  }
  return html`Not sure yet? Keep it at home for 30 days, then decide.`;
}

export function hintAtHesitation() {
  window.waver('on', 'hesitation', (hesitation) => {
    window.__shop.hesitations.push(hesitation);
    const line = document.getElementById('reassurance');
    if (!line || line.classList.contains('hint')) return; // one hint per view is enough
    line.classList.add('hint');
    show(line, hintFor(hesitation));
  });
}
