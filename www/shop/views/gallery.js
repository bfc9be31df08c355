// The pictures of a product: one large, its neighbours by arrow, all of them as thumbnails.
import { html } from '../html.js';
import { icon } from './icons.js';

export const galleryMarkup = (pictures) => html`<div class="gallery">
  <div class="gallery-stage"><img id="gallery-picture" src="${pictures[0].src}" alt="${pictures[0].alt}" width="800" height="800" fetchpriority="high">
    <button type="button" class="icon-button gallery-previous" data-turn="-1" data-waver-ignore aria-label="Previous picture">${icon('previous')}</button>
    <button type="button" class="icon-button gallery-next" data-turn="1" data-waver-ignore aria-label="Next picture">${icon('next')}</button></div>
  <div class="thumbnails">${pictures.map(({ src, alt }, index) => html`<button type="button" data-picture="${index}" aria-current="${index === 0}"
    aria-label="Show: ${alt}"><img src="${src}" alt="" width="120" height="120"></button>`)}</div>
</div>`;

// Gives back a function that exchanges the pictures, for another colour.
export function startGallery(root, signal) {
  const large = root.querySelector('#gallery-picture');
  const thumbnails = [...root.querySelectorAll('[data-picture]')];
  let current = 0;

  const turnTo = (index) => {
    current = (index + thumbnails.length) % thumbnails.length;
    const small = thumbnails[current].querySelector('img');
    large.src = small.src;
    large.alt = thumbnails[current].ariaLabel.replace('Show: ', '');
    thumbnails.forEach((button, at) => button.setAttribute('aria-current', at === current));
  };

  root.querySelector('.gallery').addEventListener('click', (event) => {
    const { turn, picture } = event.target.closest('button')?.dataset ?? {};
    if (turn) turnTo(current + Number(turn));
    if (picture) turnTo(Number(picture));
  }, { signal });

  return (pictures) => {
    thumbnails.forEach((button, at) => {
      button.querySelector('img').src = pictures[at].src;
    });
    turnTo(0);
  };
}
