// Line icons, drawn on a 24-unit grid. They decorate: whatever they mean is also said in words.
import { html } from '../html.js';

const paths = {
  cart: html`<path d="M5 8h14l-1.2 11a1.5 1.5 0 0 1-1.5 1.3H7.7A1.5 1.5 0 0 1 6.2 19z"/><path d="M8.5 10.5V7a3.5 3.5 0 0 1 7 0v3.5"/>`,
  truck: html`<path d="M2.5 6.5h11v10h-11zM13.5 10h4l3.5 3.5v3h-7.5z"/><circle cx="7" cy="18" r="1.9"/><circle cx="17" cy="18" r="1.9"/>`,
  back: html`<path d="M8 5L4 9l4 4"/><path d="M4 9h10a5.5 5.5 0 0 1 0 11H8"/>`,
  mend: html`<path d="M20 4L9 15"/><path d="M4.5 19.5c3 1 5-1 4.5-4.5-3.5-.5-5.5 1.5-4.5 4.5z"/><path d="M15 5.5c2-2 4-2.5 5-1.5s.5 3-1.5 5"/>`,
  parcel: html`<path d="M3.5 7.5L12 3.5l8.5 4v9L12 20.5l-8.5-4z"/><path d="M3.5 7.5L12 11.5l8.5-4M12 11.5v9M7.5 5.5l8.5 4"/>`,
  check: html`<path d="M4.5 12.5l5 5 10-11"/>`,
  close: html`<path d="M6 6l12 12M18 6L6 18"/>`,
  previous: html`<path d="M14.5 5.5L8 12l6.5 6.5"/>`,
  next: html`<path d="M9.5 5.5L16 12l-6.5 6.5"/>`,
  minus: html`<path d="M6 12h12"/>`,
  plus: html`<path d="M6 12h12M12 6v12"/>`,
  lock: html`<path d="M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>`,
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${paths[name]}</svg>`;

// The lark's wings of the brand.
export const logo = html`<svg class="logo" viewBox="0 0 44 24" aria-hidden="true"><path d="M3 19C11 4 18 4 22 15c4-11 11-12 19-9"/></svg>`;

const STAR = 'M8 .8l2.2 4.6 5 .7-3.6 3.5.9 5L8 12.2l-4.5 2.4.9-5L.8 6.1l5-.7z';

export function stars(rating) {
  const full = Math.round(rating);
  return html`<span class="stars" role="img" aria-label="${rating} out of 5 stars">${[1, 2, 3, 4, 5].map((star) => html`<svg
    viewBox="0 0 16 16" aria-hidden="true" class="${star <= full ? 'star star-full' : 'star'}"><path d="${STAR}"/></svg>`)}</span>`;
}
