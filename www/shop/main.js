// The demo shop's only entry: draws the frame and the view that the page asks for, and ties the shop to Waver.
import { startConsent } from './consent.js';
import { hintAtHesitation } from './hints.js';
import { takeOffers } from './offers.js';
import { startRouter } from './router.js';
import { cartView } from './views/cart.js';
import { checkoutView } from './views/checkout.js';
import { confirmationView } from './views/confirmation.js';
import { drawFrame } from './views/frame.js';
import { homeView } from './views/home.js';
import { listView } from './views/list.js';
import { productView } from './views/product.js';

const views = {
  home: homeView,
  list: listView,
  product: productView,
  cart: cartView,
  checkout: checkoutView,
  confirmation: confirmationView,
};

let closeView = new AbortController();

// A view fills `main`, listens until `signal` aborts, and returns its title.
function openView(name, params) {
  const page = name in views ? name : 'home';
  closeView.abort();
  closeView = new AbortController();
  document.body.dataset.page = page;
  const item = params.get('id');
  window.waver('page', item ? { type: page, item } : { type: page });
  const title = views[page](document.getElementById('main'), params, closeView.signal);
  document.title = `${title} · Larkholm`;
}

drawFrame();
takeOffers();
hintAtHesitation();
if (document.body.dataset.app === 'spa') {
  startRouter(openView);
} else {
  openView(document.body.dataset.page, new URLSearchParams(location.search));
}
startConsent();
