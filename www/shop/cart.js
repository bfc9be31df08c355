// The cart, kept in the shop's own storage from the moment something is put into it.
import { findProduct } from './catalog.js';
import { CURRENCY, price } from './money.js';

const KEY = 'shop-cart';
const COUPONS = { WELCOME10: { kind: 'percent', value: 10 } };
const FREE_DELIVERY_FROM = 7500;
export const DELIVERY = {
  standard: { name: 'Standard', time: '2 to 4 working days', price: 490 },
  express: { name: 'Express', time: 'Next working day', price: 990 },
};
export const MAX_QUANTITY = 9;

const EMPTY = { lines: [], coupon: null, offer: null };
let state = load();

function load() {
  try {
    const kept = { ...EMPTY, ...JSON.parse(localStorage.getItem(KEY)) };
    return { ...kept, lines: kept.lines.filter((line) => findProduct(line.id)) };
  } catch {
    return EMPTY; // storage is off or holds something else: an empty cart for this page
  }
}

function change(next) {
  state = { ...state, ...next };
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // without storage the cart lives as long as the page
  }
  document.dispatchEvent(new CustomEvent('shop:cart'));
}

// Calls back at once and after every change, also by another tab, until `signal` aborts.
export function watchCart(callback, signal) {
  document.addEventListener('shop:cart', callback, { signal });
  callback();
}

addEventListener('storage', (event) => {
  if (event.key !== KEY) return;
  state = load();
  document.dispatchEvent(new CustomEvent('shop:cart'));
});

const sameChoice = (a) => (b) => a.id === b.id && a.colour === b.colour && a.size === b.size;

export const cartLines = () => state.lines.map((line) => ({ ...line, product: findProduct(line.id) }));

export const itemCount = () => state.lines.reduce((sum, line) => sum + line.quantity, 0);

export function addLine(choice) {
  const present = state.lines.find(sameChoice(choice));
  if (present) return setQuantity(choice, present.quantity + choice.quantity);
  const { id, colour, size, quantity } = choice;
  change({ lines: [...state.lines, { id, colour, size, quantity }] });
}

// A quantity of zero takes the line out.
export function setQuantity(choice, quantity) {
  const bounded = Math.min(quantity, MAX_QUANTITY);
  const isIt = sameChoice(choice);
  change({
    lines: state.lines.map((line) => (isIt(line) ? { ...line, quantity: bounded } : line)).filter((line) => line.quantity > 0),
  });
}

export function emptyCart() {
  state = EMPTY;
  localStorage.removeItem(KEY);
  document.dispatchEvent(new CustomEvent('shop:cart'));
}

// Whether the shop knows the code.
export function applyCoupon(entered) {
  const code = entered.trim().toUpperCase();
  const known = Object.hasOwn(COUPONS, code);
  if (known) change({ coupon: code });
  return known;
}

export const takeOffer = (offer) => change({ offer });

// The taken offer, until its time is over.
export const currentOffer = () => (state.offer?.expires_at > Date.now() ? state.offer : null);

export function offerLabel({ kind, value, text }) {
  switch (kind) {
    case 'percent': return `${value}% off`;
    case 'amount': return `${price(value)} off`;
    case 'free_shipping': return 'Free delivery';
    case 'gift': return 'A gift';
    default: return text;
  }
}

function reduction({ kind, value, currency = CURRENCY }, subtotal) {
  if (kind === 'percent') return Math.round((subtotal * value) / 100);
  if (kind === 'amount' && currency === CURRENCY) return Math.min(value, subtotal);
  return 0;
}

// Everything a summary shows. Coupon and offer do not add up: the better one for the shopper counts.
export function totals(method = 'standard') {
  const subtotal = cartLines().reduce((sum, line) => sum + line.product.price * line.quantity, 0);
  const offer = currentOffer();
  const [best] = [
    offer && { source: 'offer', label: `Offer: ${offerLabel(offer)}`, amount: reduction(offer, subtotal) },
    state.coupon && { source: 'coupon', label: `Code ${state.coupon}`, amount: reduction(COUPONS[state.coupon], subtotal) },
  ].filter((discount) => discount?.amount > 0).sort((a, b) => b.amount - a.amount);
  const goods = subtotal - (best?.amount ?? 0);
  const delivered = method === 'standard' && (subtotal >= FREE_DELIVERY_FROM || offer?.kind === 'free_shipping');
  const delivery = delivered ? 0 : DELIVERY[method].price;
  return {
    subtotal,
    discount: best ?? null,
    goods,
    delivery,
    total: goods + delivery,
    missingForFreeDelivery: offer?.kind === 'free_shipping' ? 0 : Math.max(0, FREE_DELIVERY_FROM - subtotal),
    coupon: state.coupon,
    offer,
  };
}
