// Addresses of the shop's pages. The single-page variant keeps all but checkout and confirmation to itself.
const FILES = { home: 'index.html' };
const SPA_PAGES = ['home', 'list', 'product', 'cart'];

export function url(page, params = {}) {
  const inSpa = document.body.dataset.app === 'spa' && SPA_PAGES.includes(page);
  const query = new URLSearchParams(inSpa && page !== 'home' ? { page, ...params } : params).toString();
  const file = inSpa ? 'spa.html' : (FILES[page] ?? `${page}.html`);
  return query ? `${file}?${query}` : file;
}
