// Product cards, and the GA4 events of a list of them.
import { findProduct, picture } from '../catalog.js';
import { ga4Item, pushEvent } from '../datalayer.js';
import { html } from '../html.js';
import { price } from '../money.js';
import { url } from '../urls.js';
import { stars } from './icons.js';

const card = (product) => html`<li class="card" data-waver-item="${product.id}">
  <a href="${url('product', { id: product.id })}">
    <span class="card-pictures">
      <img src="${picture(product)}" alt="" width="400" height="400">
      <img src="img/${product.id}.svg#scene" alt="" width="400" height="400" class="card-scene">
      ${product.badge && html`<span class="badge">${product.badge}</span>`}
    </span>
    <span class="card-name">${product.name}</span>
  </a>
  <span class="card-rating">${stars(product.rating)} <span>${product.ratings}<span class="visually-hidden"> ratings</span></span></span>
  <span class="card-foot"><span class="price" data-waver-zone="price">${price(product.price)}</span>
    ${product.colours.length > 1 && html`<span class="swatches">${product.colours.map(({ hex }) => swatch(hex))}
      <span class="visually-hidden">${product.colours.length} colours</span></span>`}</span>
</li>`;

export const swatch = (hex) => html`<svg class="swatch" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="9.500" fill="${hex}"/></svg>`;

export const cards = (products) => html`<ul class="cards">${products.map(card)}</ul>`;

// Says that a list is in view, and which of its products gets opened.
export function announceList(element, products, { id, name }, signal) {
  const list = { item_list_id: id, item_list_name: name };
  pushEvent('view_item_list', { ...list, items: products.map((product, index) => ga4Item(product, { index })) });
  element.addEventListener('click', (event) => {
    const opened = event.target.closest('a') && event.target.closest('.card');
    if (!opened) return;
    const product = findProduct(opened.dataset.waverItem);
    pushEvent('select_item', { ...list, items: [ga4Item(product, { index: products.indexOf(product) })] });
  }, { signal });
}
