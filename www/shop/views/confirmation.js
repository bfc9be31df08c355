import { DELIVERY } from '../cart.js';
import { majorUnits, pushItems } from '../datalayer.js';
import { html, show } from '../html.js';
import { announceOnce, placedOrder } from '../order.js';
import { url } from '../urls.js';
import { icon } from './icons.js';
import { orderLines, summaryRows } from './summary.js';

const page = ({ id, lines, sum, method }) => html`<div class="wrap confirmation">
  <div class="confirmation-head">${icon('check')}<h1>Thank you, it is on its way</h1>
    <p class="lead">Your order <strong>${id}</strong> is being packed. ${DELIVERY[method].name} delivery, ${DELIVERY[method].time.toLowerCase()}.</p></div>
  <section class="summary" aria-labelledby="order-title"><h2 id="order-title">Your order</h2>
    ${orderLines(lines)}
    ${summaryRows(sum)}</section>
  <p class="quiet">This is a demonstration: no parcel will come, and nothing you entered has left your browser.</p>
  <p><a class="button" href="${url('home')}">Back to the shop</a></p>
</div>`;

const nothing = html`<div class="wrap nothing"><h1>No order here</h1><p><a class="button" href="${url('list')}">Look around</a></p></div>`;

export function confirmationView(main) {
  const order = placedOrder();
  if (!order) {
    show(main, nothing);
    return 'No order';
  }
  show(main, page(order));
  if (announceOnce(order)) {
    pushItems('purchase', order.lines, {
      transaction_id: order.id,
      value: majorUnits(order.sum.goods), // GA4: without delivery, after discounts
      shipping: majorUnits(order.sum.delivery),
      coupon: order.sum.discount?.source === 'coupon' ? order.sum.coupon : undefined,
    });
  }
  return 'Thank you';
}
