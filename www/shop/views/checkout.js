import { cartLines, DELIVERY, emptyCart, totals } from '../cart.js';
import { pushItems } from '../datalayer.js';
import { checkForm } from '../form.js';
import { html, show } from '../html.js';
import { price } from '../money.js';
import { placeOrder } from '../order.js';
import { url } from '../urls.js';
import { icon } from './icons.js';
import { deliveryPrice, orderLines, summaryRows } from './summary.js';

const COUNTRIES = {
  AT: 'Austria', BE: 'Belgium', DK: 'Denmark', FI: 'Finland', FR: 'France', DE: 'Germany',
  IE: 'Ireland', IT: 'Italy', NL: 'Netherlands', NO: 'Norway', ES: 'Spain', SE: 'Sweden',
};

const EXAMPLE = {
  email: 'ada@example.org', name: 'Ada Example', street: '12 Lake Road', postcode: '10115', city: 'Berlin', country: 'DE',
  'card-name': 'Ada Example', 'card-number': '4242 4242 4242 4242', 'card-expiry': '12/30', 'card-code': '123',
};

const field = (id, label, attributes = html``, className = '') => html`<p class="field ${className}"><label for="${id}">${label}</label>
  <input id="${id}" name="${id}" required aria-describedby="${id}-error" ${attributes}><span class="field-error" id="${id}-error"></span></p>`;

const countryPicker = html`<p class="field"><label for="country">Country</label>
  <select id="country" name="country" autocomplete="country" required aria-describedby="country-error"><option value="">Please choose</option>
    ${Object.entries(COUNTRIES).map(([code, name]) => html`<option value="${code}">${name}</option>`)}</select>
  <span class="field-error" id="country-error"></span></p>`;

const deliveryOption = ([id, { name, time }], index) => html`<label class="choice">
  <input type="radio" name="method" value="${id}" ${index === 0 ? 'checked' : ''}>
  <span><strong>${name}</strong> ${time}</span><span class="choice-price">${deliveryPrice(totals(id))}</span></label>`;

const page = (lines) => html`<div class="wrap"><h1>Checkout</h1>
  <p class="demo-note">A demonstration: nothing you enter leaves this page. <button type="button" class="text-button" id="fill-example">Fill in an example</button></p>
  <div class="cart">
    <form id="checkout" class="checkout" novalidate>
      <fieldset><legend>Contact</legend><div class="fields">
        ${field('email', 'E-mail', html`type="email" autocomplete="email" inputmode="email"`)}</div></fieldset>
      <fieldset><legend>Delivery</legend><div class="fields">
        ${field('name', 'Full name', html`autocomplete="name"`)}
        ${field('street', 'Street and number', html`autocomplete="street-address"`)}
        ${field('postcode', 'Postcode', html`autocomplete="postal-code"`, 'field-short')}
        ${field('city', 'Town', html`autocomplete="address-level2"`, 'field-long')}
        ${countryPicker}</div>
        <div class="choices" role="radiogroup" aria-label="Delivery method" data-waver-zone="shipping">
          ${Object.entries(DELIVERY).map(deliveryOption)}</div></fieldset>
      <fieldset id="payment"><legend>Payment</legend><div class="fields">
        ${field('card-name', 'Name on card', html`autocomplete="cc-name"`)}
        ${field('card-number', 'Card number', html`autocomplete="cc-number" inputmode="numeric" maxlength="23"
          pattern="[0-9 ]{12,23}" data-hint="12 to 19 digits"`)}
        ${field('card-expiry', 'Expiry (MM/YY)', html`autocomplete="cc-exp" inputmode="numeric" maxlength="5"
          pattern="(0[1-9]|1[0-2])/[0-9]{2}" data-hint="Month and year, like 04/29"`, 'field-half')}
        ${field('card-code', 'Security code', html`autocomplete="cc-csc" inputmode="numeric" maxlength="4"
          pattern="[0-9]{3,4}" data-hint="3 or 4 digits"`, 'field-half')}</div></fieldset>
      <button class="button button-large" data-waver-zone="checkout">${icon('lock')}<span id="place-order">Place order</span></button>
    </form>
    <aside class="summary" aria-labelledby="summary-title"><h2 id="summary-title">Your order</h2>
      ${orderLines(lines)}
      <div id="checkout-summary" role="status"></div>
      <p class="quiet" data-waver-zone="returns">Free returns within 30 days. <a href="${url('cart')}">Change the cart</a></p></aside>
  </div></div>`;

const nothing = html`<div class="wrap nothing"><h1>There is nothing to pay for</h1><p><a class="button" href="${url('list')}">Look around</a></p></div>`;

export function checkoutView(main, params, signal) {
  const lines = cartLines();
  if (!lines.length) {
    show(main, nothing);
    return 'Checkout';
  }
  show(main, page(lines));
  const form = document.getElementById('checkout');
  const method = () => form.elements.method.value;
  const drawSummary = () => {
    const sum = totals(method());
    show(document.getElementById('checkout-summary'), summaryRows(sum));
    show(document.getElementById('place-order'), html`Place order, ${price(sum.total)}`);
  };
  drawSummary();
  form.addEventListener('change', drawSummary, { signal });

  document.getElementById('fill-example').addEventListener('click', () => {
    Object.entries(EXAMPLE).forEach(([name, value]) => {
      form.elements[name].value = value;
    });
  }, { signal });

  // Whoever gets to the payment has settled the delivery.
  let deliverySettled = false;
  const settleDelivery = () => {
    if (deliverySettled) return;
    deliverySettled = true;
    pushItems('add_shipping_info', lines, { shipping_tier: method() });
  };
  document.getElementById('payment').addEventListener('focusin', settleDelivery, { signal });

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!checkForm(form)) return;
    settleDelivery();
    pushItems('add_payment_info', lines, { payment_type: 'card' });
    placeOrder({ lines, sum: totals(method()), method: method() });
    emptyCart();
    location.assign(url('confirmation'));
  }, { signal });

  pushItems('begin_checkout', lines);
  return 'Checkout';
}
