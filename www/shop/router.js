// Routing of the single-page variant: links to the same file change the address and the view, and load nothing.

export function startRouter(openView) {
  let shown;
  const openCurrent = () => {
    if (location.search === shown) return; // only the hash changed
    shown = location.search;
    const params = new URLSearchParams(shown);
    openView(params.get('page') ?? 'home', params);
  };

  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href]');
    const wantsNewTab = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!link || wantsNewTab || link.hash || link.pathname !== location.pathname || link.origin !== location.origin) return;
    event.preventDefault();
    history.pushState(null, '', link.href);
    openCurrent();
    scrollTo(0, 0);
    document.getElementById('main').focus({ preventScroll: true });
  });
  addEventListener('popstate', openCurrent);
  openCurrent();
}
