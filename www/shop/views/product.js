import { addLine } from '../cart.js';
import { alsoLiked, categories, colourName, findProduct, pictures } from '../catalog.js';
import { pushItems } from '../datalayer.js';
import { html, show } from '../html.js';
import { price } from '../money.js';
import { notify } from '../notice.js';
import { url } from '../urls.js';
import { cards, swatch } from './card.js';
import { startGallery, galleryMarkup } from './gallery.js';
import { icon, stars } from './icons.js';
import { slot, watchSlotNote } from './slot.js';
import { stepper, watchSteppers } from './stepper.js';

const colourPicker = (product) => html`<fieldset class="picker" data-waver-zone="variant">
  <legend>Colour: <span id="colour-name">${product.colours[0].name}</span></legend>
  <div class="options">${product.colours.map(({ id, name, hex }, index) => html`<label class="option-swatch">
    <input type="radio" name="colour" value="${id}" ${index === 0 ? 'checked' : ''}>${swatch(hex)}<span class="visually-hidden">${name}</span></label>`)}</div>
</fieldset>`;

const sizePicker = ({ sizes }) => html`<fieldset class="picker" data-waver-zone="size">
  <legend>Size: <span id="size-name" role="status">please choose</span></legend>
  <div class="options">${sizes.map((size) => html`<label class="option-size"><input type="radio" name="size" value="${size}"><span>${size}</span></label>`)}</div>
</fieldset>`;

const page = (product) => html`<div class="wrap" data-waver-item="${product.id}">
  <nav class="breadcrumb" aria-label="You are here"><a href="${url('home')}">Home</a> <span aria-hidden="true">/</span>
    <a href="${url('list', { c: product.category })}">${categories[product.category].name}</a> <span aria-hidden="true">/</span> <span>${product.name}</span></nav>
  <div class="product">
    ${galleryMarkup(pictures(product))}
    <div class="buy">
      <h1>${product.name}</h1>
      <p class="rating">${stars(product.rating)} <a href="#reviews">${product.rating} from ${product.ratings} ratings</a></p>
      <p class="price price-large" data-waver-zone="price">${price(product.price)} <small>VAT included</small></p>
      <p class="lead">${product.summary}</p>
      <form id="buy" novalidate>
        ${colourPicker(product)}
        ${product.sizes && sizePicker(product)}
        <div class="buy-row">${stepper('quantity', 1, product.name)}
          <button class="button button-large" data-waver-zone="cta">Add to cart</button></div>
      </form>
      <p class="stock" id="reassurance" role="status">In stock. Leaves our workshop tomorrow.</p>
      ${slot('product')}
      <details open><summary>Details</summary><ul>${product.details.map((line) => html`<li>${line}</li>`)}</ul><p>${product.care}</p></details>
      <details data-waver-zone="shipping"><summary>${icon('truck')}Delivery</summary>
        <p>Standard in 2 to 4 working days, €4.90, free from €75. Express on the next working day, €9.90.</p></details>
      <details data-waver-zone="returns"><summary>${icon('back')}Returns and repairs</summary>
        <p>30 days to send it back, free, in the bag it came in. Repairs are free for ten years.</p></details>
    </div>
  </div>
  <section class="reviews" id="reviews" data-waver-zone="reviews" aria-labelledby="reviews-title">
    <div class="reviews-sum"><h2 id="reviews-title">Reviews</h2><p class="reviews-mean">${product.rating}</p>${stars(product.rating)}
      <p class="quiet">${product.ratings} ratings from people who bought it</p></div>
    <ul>${product.reviews.map(({ by, stars: given, title, text }) => html`<li>${stars(given)}<h3>${title}</h3>
      <p>${text}</p><p class="quiet">${by}, verified purchase</p></li>`)}</ul>
  </section>
  <section aria-labelledby="also"><div class="section-head"><h2 id="also">Goes well with it</h2></div>${cards(alsoLiked(product))}</section>
</div>`;

const notFound = html`<div class="wrap nothing"><h1>That is not here any more</h1><p><a class="button" href="${url('list')}">See everything</a></p></div>`;

export function productView(main, params, signal) {
  const product = findProduct(params.get('id'));
  if (!product) {
    show(main, notFound);
    return 'Not found';
  }
  show(main, page(product));
  watchSlotNote(signal);
  const showColour = startGallery(main, signal);
  const form = document.getElementById('buy');
  const sizeName = document.getElementById('size-name');

  form.addEventListener('change', ({ target }) => {
    if (target.name === 'colour') {
      show(document.getElementById('colour-name'), html`${colourName(product, target.value)}`);
      showColour(pictures(product, target.value));
    } else if (target.name === 'size') {
      sizeName.className = '';
      show(sizeName, html`${target.value}`);
    }
  }, { signal });
  watchSteppers(form, () => {}, signal);

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chosen = new FormData(form);
    const [colour, size, quantity] = [chosen.get('colour'), chosen.get('size') ?? undefined, Number(chosen.get('quantity'))];
    if (product.sizes && !size) {
      sizeName.className = 'field-error';
      show(sizeName, html`please choose a size first`);
      form.querySelector('[name=size]').focus();
      return;
    }
    addLine({ id: product.id, colour, size, quantity });
    pushItems('add_to_cart', [{ product, colour, size, quantity }]);
    notify(html`<strong>${product.name}</strong> is in your cart. <a href="${url('cart')}">View cart</a>`);
  }, { signal });

  pushItems('view_item', [{ product }]);
  return product.name;
}
