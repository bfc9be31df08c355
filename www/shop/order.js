// The order that was just placed, kept for the confirmation page of this tab. Nothing is sent anywhere.
const KEY = 'shop-order';

export function placeOrder({ lines, sum, method }) {
  const number = crypto.getRandomValues(new Uint32Array(1))[0].toString(36).toUpperCase().padStart(7, '0');
  const order = { id: `LH-${number}`, lines, sum, method, announced: false };
  sessionStorage.setItem(KEY, JSON.stringify(order));
}

export const placedOrder = () => JSON.parse(sessionStorage.getItem(KEY));

// Whether this is the first time: a reloaded confirmation is no second purchase.
export function announceOnce(order) {
  if (order.announced) return false;
  sessionStorage.setItem(KEY, JSON.stringify({ ...order, announced: true }));
  return true;
}
