import { categories, withBadge } from '../catalog.js';
import { html, show } from '../html.js';
import { url } from '../urls.js';
import { announceList, cards } from './card.js';
import { icon } from './icons.js';

const page = (bestsellers, fresh) => html`
  <section class="hero">
    <img src="img/hero.svg" alt="" width="1600" height="900" fetchpriority="high">
    <div class="hero-text"><h1>Made for the weather you actually get.</h1>
      <p>Jackets, wool and camp things that keep going, and a workshop that mends them when they stop.</p>
      <p class="hero-links"><a class="button" href="${url('list')}">Shop everything</a>
        <a class="button button-quiet" href="${url('product', { id: 'skerry-jacket' })}">The rain jacket</a></p></div>
  </section>
  <section class="wrap" aria-labelledby="categories"><h2 id="categories" class="visually-hidden">Categories</h2>
    <ul class="tiles">${Object.entries(categories).map(([id, { name, line, picture }]) => html`<li><a href="${url('list', { c: id })}">
      <img src="${picture}" alt="" width="600" height="600"><span class="tile-text"><strong>${name}</strong>${line}</span></a></li>`)}</ul>
  </section>
  <section class="wrap" aria-labelledby="bestsellers">
    <div class="section-head"><h2 id="bestsellers">Bestsellers</h2><a href="${url('list')}">See everything</a></div>
    <div id="bestseller-list">${cards(bestsellers)}</div></section>
  <section class="story"><div class="wrap story-columns">
    <img src="img/wick-lantern.svg#scene" alt="" width="600" height="600" loading="lazy">
    <div><h2>Mended, not replaced</h2>
      <p>Seams open and zips tire. Send it to us: most repairs are free for ten years, the rest cost what they cost. Last year
        1,204 things went home again instead of away.</p>
      <ul class="promises"><li>${icon('mend')}Free repairs for ten years</li><li>${icon('back')}30 days to decide at home</li>
        <li>${icon('truck')}Free delivery from €75</li></ul>
    </div></div></section>
  <section class="wrap" aria-labelledby="new"><div class="section-head"><h2 id="new">New this season</h2></div>
    <div id="new-list">${cards(fresh)}</div></section>
  <figure class="wrap quote"><blockquote>“Four hours of Bergen, and I came home dry, which has not happened before.”</blockquote>
    <figcaption>Marit, about the <a href="${url('product', { id: 'skerry-jacket' })}">Skerry rain jacket</a></figcaption></figure>`;

export function homeView(main, params, signal) {
  const bestsellers = withBadge('Bestseller');
  const fresh = withBadge('New');
  show(main, page(bestsellers, fresh));
  announceList(document.getElementById('bestseller-list'), bestsellers, { id: 'bestsellers', name: 'Bestsellers' }, signal);
  announceList(document.getElementById('new-list'), fresh, { id: 'new', name: 'New this season' }, signal);
  return 'Outdoor and cabin goods';
}
