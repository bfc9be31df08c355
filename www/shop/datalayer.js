// GA4 ecommerce events, as any shop pushes them for its analytics. Waver reads the same queue, so it needs no second one.
import { CURRENCY } from './money.js';

window.dataLayer = window.dataLayer || [];

export function pushEvent(event, ecommerce) {
  window.dataLayer.push({ ecommerce: null }); // GA4 merges objects: clear the last one
  window.dataLayer.push({ event, ecommerce: { currency: CURRENCY, ...ecommerce } });
}

// GA4 counts money in major units.
export const majorUnits = (minor) => minor / 100;

export function ga4Item(product, { quantity = 1, colour, size, index } = {}) {
  return {
    item_id: product.id,
    item_name: product.name,
    item_category: product.category,
    item_variant: [colour, size].filter(Boolean).join(' / ') || undefined,
    price: majorUnits(product.price),
    quantity,
    index,
  };
}

// The common shape of the events about one product or about the cart's lines.
export function pushItems(event, lines, extra = {}) {
  const value = lines.reduce((sum, { product, quantity = 1 }) => sum + product.price * quantity, 0);
  const items = lines.map(({ product, ...choice }) => ga4Item(product, choice));
  pushEvent(event, { value: majorUnits(value), items, ...extra });
}
