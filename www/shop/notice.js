// One small notice at the page's edge, in a live region so that it is read out. It moves nothing on the page.
import { html, show } from './html.js';
import { icon } from './views/icons.js';

const SHOWN_MS = 8000;
let hiding;

export function notify(message) {
  const notice = document.getElementById('notice');
  const hide = () => show(notice, '');
  clearTimeout(hiding);
  show(notice, html`<p>${message}</p>
    <button type="button" class="icon-button" aria-label="Close" data-waver-ignore>${icon('close')}</button>`);
  notice.querySelector('button').addEventListener('click', hide);
  hiding = setTimeout(hide, SHOWN_MS);
}
