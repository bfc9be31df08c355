// Line icons, drawn on a 24-unit grid. They decorate: whatever they mean is also said in words.
import { html } from '../html.js';

const paths = {
  cart: html`<path d="M5 8h14l-1.200 11a1.500 1.500 0 0 1-1.500 1.300H7.700A1.500 1.500 0 0 1 6.200 19z"/><path d="M8.500 10.500V7a3.500 3.500 0 0 1 7 0v3.500"/>`,
  truck: html`<path d="M2.500 6.500h11v10h-11zM13.500 10h4l3.500 3.500v3h-7.500z"/><circle cx="7" cy="18" r="1.900"/><circle cx="17" cy="18" r="1.900"/>`,
  back: html`<path d="M8 5L4 9l4 4"/><path d="M4 9h10a5.500 5.500 0 0 1 0 11H8"/>`,
  mend: html`<path d="M20 4L9 15"/><path d="M4.500 19.500c3 1 5-1 4.500-4.500-3.500-.5-5.500 1.500-4.500 4.500z"/><path d="M15 5.500c2-2 4-2.500 5-1.500s.5 3-1.500 5"/>`,
  parcel: html`<path d="M3.500 7.500L12 3.500l8.500 4v9L12 20.500l-8.500-4z"/><path d="M3.500 7.500L12 11.500l8.500-4M12 11.500v9M7.500 5.500l8.500 4"/>`,
  check: html`<path d="M4.500 12.500l5 5 10-11"/>`,
  close: html`<path d="M6 6l12 12M18 6L6 18"/>`,
  previous: html`<path d="M14.500 5.500L8 12l6.500 6.500"/>`,
  next: html`<path d="M9.500 5.500L16 12l-6.500 6.500"/>`,
  minus: html`<path d="M6 12h12"/>`,
  plus: html`<path d="M6 12h12M12 6v12"/>`,
  lock: html`<path d="M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3"/>`,
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${paths[name]}</svg>`;

// The lark's wings of the brand.
export const logo = html`<svg class="logo" viewBox="0 0 44 24" aria-hidden="true"><path d="M3 19C11 4 18 4 22 15c4-11 11-12 19-9"/></svg>`;

const STAR = 'M8 .8l2.200 4.600 5 .7-3.600 3.500.9 5L8 12.200l-4.500 2.400.9-5L.8 6.100l5-.7z';

export function stars(rating) {
  const full = Math.round(rating);
  return html`<span class="stars" role="img" aria-label="${rating} out of 5 stars">${[1, 2, 3, 4, 5].map((star) => html`<svg
    viewBox="0 0 16 16" aria-hidden="true" class="${star <= full ? 'star star-full' : 'star'}"><path d="${STAR}"/></svg>`)}</span>`;
}
