// What to do when there is nothing to see yet.

import { byId, setText } from './dom.js';

const DEMO_SITE = 'demo';

export function showWelcome({ site, live, total, windows }) {
  const empty = live.sessions === 0 && total.events === 0 && windows.every((window) => window.sessions === 0);
  byId('welcome').hidden = !empty;
  if (!empty) return;
  byId('welcome-demo').hidden = site !== DEMO_SITE;
  byId('welcome-install').hidden = site === DEMO_SITE;
  setText(byId('welcome-tag'), `<script async src="${location.origin}/waver.js" data-site="${site}" crossorigin></script>`);
}
