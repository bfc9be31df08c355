// The wire's closed words as people say them. A word that is not here yet is shown as it came, with spaces.

const KINDS = {
  cta_hover: 'Hovering over the button',
  scroll_oscillation: 'Scrolling up and down',
  exit_intent: 'Moving to leave',
  cart_edit: 'Editing the cart',
  price_dwell: 'Dwelling on the price',
  variant_switching: 'Switching variants',
  tab_compare: 'Comparing in other tabs',
  product_return: 'Coming back to a product',
  coupon_search: 'Looking for a coupon',
  form_refill: 'Refilling a field',
  checkout_stall: 'Stalling in checkout',
  idle_return: 'Coming back after a pause',
};

const ZONES = {
  price: 'Price',
  cta: 'Call to action',
  size: 'Size',
  variant: 'Variant',
  quantity: 'Quantity',
  shipping: 'Shipping',
  returns: 'Returns',
  reviews: 'Reviews',
  coupon: 'Coupon field',
  checkout: 'Checkout',
  other: 'Other',
};

const PAGES = {
  home: 'the home page',
  list: 'list pages',
  search: 'search results',
  product: 'product pages',
  cart: 'the cart',
  checkout: 'checkout',
  confirmation: 'the confirmation page',
  other: 'other pages',
};

const STAGE_NAMES = { low: 'Low', building: 'Building', high: 'High', leaving: 'Leaving' };

const WITHHELD = {
  not_eligible: 'No offer fits',
  already_buying: 'Buying anyway',
  holdout: 'Held out as control group',
  cooldown: 'Too soon after the last',
  capped: 'Seen often enough',
  budget_spent: 'Budget spent',
  frustrated: 'Frustrated: help instead',
  no_consent: 'No consent to offers',
  out_of_stock: 'Out of stock',
  margin_floor: 'Margin too thin',
  kill_switch: 'Offers switched off',
  fallback: 'Not decided in time',
};

const STANDINGS = {
  too_few: 'Too few orders yet',
  broken: 'Arms out of balance',
  open: 'Open',
  gain: 'Gains',
  harm: 'Harms',
};

const OFFER_STATES = { decided: 'Decided', exposed: 'Shown', accepted: 'Taken', dismissed: 'Closed', holdout: 'Held out' };
const BROWSERS = { chrome: 'Chrome', safari: 'Safari', firefox: 'Firefox', edge: 'Edge', samsung: 'Samsung', other: 'Other' };
const EXIT_PATH_NAMES = { load: 'Page load', route: 'Route', restore: 'Return', same_view: 'Same view' };
const DROP_CAUSES = { queue_full: 'for want of room', refused: 'that were refused', unreachable: 'for want of a connection' };
const TRAFFIC = {
  crawler: 'Crawlers',
  shopping_agent: 'Shopping agents',
  automation: 'Automation',
  impossible: 'Impossible streams',
};
const ROBOTS = { crawler: 'Crawler', shopping_agent: 'Agent', automation: 'Robot', impossible: 'Forged' };
const DEVICES = { mouse: 'Mouse', touch: 'Touch' };
const TRENDS = { up: { sign: '↑', name: 'rising' }, flat: { sign: '→', name: 'steady' }, down: { sign: '↓', name: 'falling' } };

const spaced = (word) => {
  const text = String(word).replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const say = (words) => (word) => words[word] ?? spaced(word);

export const kindName = say(KINDS);
export const zoneName = (zone) => (zone ? say(ZONES)(zone) : 'Elsewhere');
export const pageName = say(PAGES);
export const stageName = say(STAGE_NAMES);
export const withheldName = say(WITHHELD);
export const standingName = say(STANDINGS);
export const discardName = spaced;
export const offerStateName = say(OFFER_STATES);
export const browserName = say(BROWSERS);
export const exitPathName = say(EXIT_PATH_NAMES);
export const dropCauseName = say(DROP_CAUSES);
export const trafficName = say(TRAFFIC);
export const robotName = say(ROBOTS);
export const deviceName = say(DEVICES);
export const trendOf = (trend) => TRENDS[trend] ?? TRENDS.flat;

export const STAGES = Object.keys(STAGE_NAMES);
export const EXIT_PATHS = Object.keys(EXIT_PATH_NAMES);

/** The style sheet's colour of a hesitation kind: always the same one, whatever else is shown. */
export const kindColor = (kind) => {
  const index = Object.keys(KINDS).indexOf(kind);
  return index < 0 ? '--kind-other' : `--kind-${index + 1}`;
};

/** "1 shopper", "3 shoppers"; the number is already formatted. */
export const plural = (n, formatted, one, many = `${one}s`) => `${formatted} ${n === 1 ? one : many}`;
