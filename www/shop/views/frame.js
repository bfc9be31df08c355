// What surrounds every view: the header with the cart's count, and the footer with the way back to the consent choice.
import { itemCount, watchCart } from '../cart.js';
import { categories } from '../catalog.js';
import { changeConsent } from '../consent.js';
import { html, show } from '../html.js';
import { url } from '../urls.js';
import { icon, logo } from './icons.js';

const categoryLinks = () => Object.entries(categories).map(([id, { name }]) => html`
  <li><a href="${url('list', { c: id })}">${name}</a></li>`);

const header = () => html`
  <p class="announcement"><span>Free delivery from €75</span><span>Free returns for 30 days</span>
    <span class="wide-only">First order? WELCOME10 takes 10% off</span></p>
  <div class="header-row wrap">
    <a class="brand" href="${url('home')}">${logo}<span>Larkholm</span></a>
    <nav aria-label="Shop"><ul>${categoryLinks()}<li class="wide-only"><a href="${url('list')}">Everything</a></li></ul></nav>
    <a class="cart-link" href="${url('cart')}">${icon('cart')}<span>Cart</span> <span class="cart-count" id="cart-count"></span></a>
  </div>`;

const footer = () => html`
  <div class="wrap footer-columns">
    <div><p class="brand">${logo}<span>Larkholm</span></p><p>Outdoor and cabin goods, made to be mended. From a small workshop by a large lake.</p></div>
    <div><h2>Shop</h2><ul>${categoryLinks()}<li><a href="${url('list')}">Everything</a></li></ul></div>
    <div><h2>Delivery and returns</h2><p>Standard €4.90, free from €75. Express €9.90. Send it back free within 30 days.</p></div>
    <div><h2>Help</h2><p>hello@larkholm.example<br>Every day from 8 to 20</p>
      <p><button type="button" class="text-button" id="cookie-settings">Cookie settings</button></p></div>
  </div>
  <p class="small-print wrap">Larkholm is a demonstration shop: nothing is sold, and nothing you enter is sent anywhere.
    ${document.body.dataset.app === 'spa' ? html`<a href="index.html">Multi-page version</a>` : html`<a href="spa.html">Single-page version</a>`}</p>`;

export function drawFrame() {
  show(document.querySelector('.site-header'), header());
  show(document.querySelector('.site-footer'), footer());
  document.getElementById('cookie-settings').addEventListener('click', changeConsent);
  watchCart(() => {
    const count = itemCount();
    show(document.getElementById('cart-count'), count ? html`${count}<span class="visually-hidden"> in it</span>` : '');
  });
}
