// What the shopper does with an offer of Waver's: a taken one belongs to the cart and changes its total.
import * as cart from './cart.js';
import { notify } from './notice.js';
import { html } from './html.js';
import { url } from './urls.js';

export function takeOffers() {
  document.addEventListener('waver:offer', ({ detail }) => {
    if (detail.action !== 'accepted' || !detail.decision.offer) return;
    const { offer } = detail.decision;
    if (offer.kind === 'help') {
      notify(html`Glad to help: write to <strong>hello@larkholm.example</strong>, a person answers within the hour.`);
    } else if (offer.kind !== 'message') {
      cart.takeOffer(offer);
      if (document.body.dataset.page !== 'cart') notify(html`${cart.offerLabel(offer)}: it is in your cart. <a href="${url('cart')}">View cart</a>`);
    }
  });
}
