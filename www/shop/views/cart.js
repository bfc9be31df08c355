import { applyCoupon, cartLines, setQuantity, totals, watchCart } from '../cart.js';
import { colourName, picture } from '../catalog.js';
import { pushItems } from '../datalayer.js';
import { html, show } from '../html.js';
import { price } from '../money.js';
import { url } from '../urls.js';
import { icon } from './icons.js';
import { slot, watchSlotNote } from './slot.js';
import { stepper, watchSteppers } from './stepper.js';
import { summaryRows } from './summary.js';

const page = html`<div class="wrap"><h1>Your cart</h1>
  <div class="cart">
    <div><p id="free-delivery" class="free-delivery"></p><ul id="cart-lines" class="cart-lines"></ul></div>
    <aside class="summary" aria-label="Summary">
      <div id="cart-summary" role="status"></div>
      <form id="coupon" class="coupon" data-waver-zone="coupon"><label for="coupon-code">Coupon code</label>
        <div><input id="coupon-code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="24"
          aria-describedby="coupon-answer"><button class="button button-quiet">Apply</button></div>
        <p id="coupon-answer" class="coupon-answer" role="status"></p></form>
      ${slot('cart')}
      <a class="button button-large" href="${url('checkout')}" data-waver-zone="checkout">Go to checkout</a>
      <p class="quiet secure">${icon('lock')}A demonstration shop: nothing is charged.</p>
    </aside>
  </div></div>`;

const nothing = html`<div class="wrap nothing"><h1>Your cart is empty</h1><p class="quiet">It keeps what you put in, on this device only.</p>
  <p><a class="button" href="${url('list')}">Look around</a></p></div>`;

const variant = ({ product, colour, size }) => [colourName(product, colour), size].filter(Boolean).join(', ');

const lineMarkup = (line, index) => html`<li data-line="${index}" data-waver-item="${line.id}">
  <a href="${url('product', { id: line.id })}" tabindex="-1" aria-hidden="true"><img src="${picture(line.product, line.colour)}" alt="" width="112" height="112"></a>
  <div class="line-text"><h2><a href="${url('product', { id: line.id })}">${line.product.name}</a></h2><p class="quiet">${variant(line)}</p>
    <p class="quiet">${price(line.product.price)} each</p></div>
  <p class="line-price price" data-waver-zone="price">${price(line.product.price * line.quantity)}</p>
  <div class="line-edit">${stepper(`quantity-${index}`, line.quantity, line.product.name)}
    <button type="button" class="text-button" data-remove id="remove-${index}">Remove<span class="visually-hidden"> ${line.product.name}</span></button></div>
</li>`;

const freeDelivery = ({ missingForFreeDelivery: missing }) => html`${icon('truck')}${missing
  ? html`<span><strong>${price(missing)}</strong> more and delivery is free.</span>` : html`<span>Delivery of this cart is <strong>free</strong>.</span>`}`;

// Sets a line's quantity and tells GA4 what that added or took away.
function changeLine(line, quantity) {
  const added = quantity - line.quantity;
  setQuantity(line, quantity);
  if (added) pushItems(added > 0 ? 'add_to_cart' : 'remove_from_cart', [{ ...line, quantity: Math.abs(added) }]);
}

export function cartView(main, params, signal) {
  const title = 'Your cart';
  if (!cartLines().length) {
    show(main, nothing);
    return title;
  }
  show(main, page);
  watchSlotNote(signal);
  const list = document.getElementById('cart-lines');
  const lineOf = (element) => cartLines()[Number(element.closest('[data-line]').dataset.line)];

  watchCart(() => {
    if (!cartLines().length) return show(main, nothing);
    const sum = totals();
    show(document.getElementById('free-delivery'), freeDelivery(sum));
    show(list, html`${cartLines().map(lineMarkup)}`);
    show(document.getElementById('cart-summary'), summaryRows(sum));
  }, signal);

  watchSteppers(list, (element, quantity) => changeLine(lineOf(element), quantity), signal);
  list.addEventListener('click', (event) => {
    if (event.target.closest('[data-remove]')) changeLine(lineOf(event.target), 0);
  }, { signal });
  document.getElementById('coupon').addEventListener('submit', (event) => {
    event.preventDefault();
    const code = document.getElementById('coupon-code').value;
    const known = applyCoupon(code);
    const answer = document.getElementById('coupon-answer');
    answer.className = known ? 'coupon-answer' : 'coupon-answer field-error';
    show(answer, known ? html`The code is in your cart.` : html`We do not know this code.`);
  }, { signal });

  pushItems('view_cart', cartLines());
  return title;
}
