// The sum of an order, the same in cart, checkout and confirmation.
import { picture } from '../catalog.js';
import { html } from '../html.js';
import { price } from '../money.js';

export const orderLines = (lines) => html`<ul class="order-lines">${lines.map(({ product, colour, size, quantity }) => html`<li>
  <img src="${picture(product, colour)}" alt="" width="64" height="64">
  <span>${product.name} <span class="quiet">${size}</span></span><span>× ${quantity}</span></li>`)}</ul>`;

const row = (name, amount, className = '') => html`<div class="${className}"><dt>${name}</dt><dd>${amount}</dd></div>`;

export const deliveryPrice = ({ delivery }) => (delivery ? price(delivery) : 'Free');

export const summaryRows = (sum) => html`<dl class="summary-rows">
  ${row('Subtotal', price(sum.subtotal))}
  ${sum.discount && row(sum.discount.label, `−${price(sum.discount.amount)}`, 'summary-discount')}
  ${sum.offer?.kind === 'gift' && row('Offer: a gift, packed with your order', price(0), 'summary-discount')}
  ${row('Delivery', deliveryPrice(sum))}
  ${row('Total', price(sum.total), 'summary-total')}
</dl>`;
