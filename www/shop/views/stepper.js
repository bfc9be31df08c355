// A quantity with its two buttons.
import { MAX_QUANTITY } from '../cart.js';
import { html } from '../html.js';
import { icon } from './icons.js';

export const stepper = (id, quantity, of) => html`<div class="stepper" data-waver-zone="quantity">
  <button type="button" id="${id}-less" data-step="-1" aria-label="One ${of} less">${icon('minus')}</button>
  <input type="number" id="${id}" name="quantity" value="${quantity}" min="1" max="${MAX_QUANTITY}" inputmode="numeric" aria-label="Quantity of ${of}">
  <button type="button" id="${id}-more" data-step="1" aria-label="One ${of} more">${icon('plus')}</button>
</div>`;

// Calls `changed(stepper, quantity)` for each stepper in `element`, present or drawn later.
export function watchSteppers(element, changed, signal) {
  const settle = (input, quantity) => {
    input.value = Math.min(Math.max(Math.trunc(quantity) || 1, 1), MAX_QUANTITY);
    changed(input.closest('.stepper'), Number(input.value));
  };
  element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-step]');
    if (!button) return;
    const input = button.parentElement.querySelector('input');
    settle(input, Number(input.value) + Number(button.dataset.step));
  }, { signal });
  element.addEventListener('change', (event) => {
    if (event.target.matches('.stepper input')) settle(event.target, Number(event.target.value));
  }, { signal });
}
