// The place of an offer. Its height is reserved, and a service note rests there until Waver renders an offer into the slot.
import { currentOffer, offerLabel, watchCart } from '../cart.js';
import { html, show } from '../html.js';
import { icon } from './icons.js';

export const slot = (name) => html`<div class="slot-frame">
  <div class="slot-note" id="slot-note"></div>
  <div data-waver-slot="${name}" aria-live="polite"></div>
</div>`;

const serviceNote = html`${icon('parcel')}<div><strong>Free returns within 30 days</strong>
  <p>Try it at home. The bag it comes in is the bag it goes back in, already paid.</p>
  <ul><li>${icon('check')}Prepaid label</li><li>${icon('check')}Free exchange</li></ul></div>`;

const ends = new Intl.DateTimeFormat('en-IE', { dateStyle: 'medium', timeStyle: 'short' });

const takenNote = (offer) => html`${icon('check')}<div><strong>${offerLabel(offer)}: it is in your cart</strong>
  <p>You will see it in the summary, until ${ends.format(offer.expires_at)}.</p></div>`;

export function watchSlotNote(signal) {
  watchCart(() => {
    const offer = currentOffer();
    show(document.getElementById('slot-note'), offer ? takenNote(offer) : serviceNote);
  }, signal);
}
