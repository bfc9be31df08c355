import { categories, inCategory, orders, tags } from '../catalog.js';
import { html, show } from '../html.js';
import { url } from '../urls.js';
import { announceList, cards } from './card.js';

const page = (title, line, offeredTags) => html`<div class="wrap">
  <nav class="breadcrumb" aria-label="You are here"><a href="${url('home')}">Home</a> <span aria-hidden="true">/</span> <span>${title}</span></nav>
  <h1>${title}</h1><p class="lead">${line}</p>
  <form class="list-controls" id="list-controls">
    <fieldset><legend>Show only</legend><div class="chips">${offeredTags.map((tag) => html`
      <label class="chip"><input type="checkbox" name="tag" value="${tag}"><span>${tags[tag]}</span></label>`)}</div></fieldset>
    <label class="sort">Sort by <select name="order">${Object.entries(orders).map(([id, { name }]) => html`<option value="${id}">${name}</option>`)}</select></label>
  </form>
  <p id="list-count" class="quiet" role="status"></p>
  <div id="list-cards"></div>
</div>`;

export function listView(main, params, signal) {
  const id = Object.hasOwn(categories, params.get('c')) ? params.get('c') : undefined;
  const title = id ? categories[id].name : 'Everything';
  const all = inCategory(id);
  const offeredTags = Object.keys(tags).filter((tag) => all.some((product) => product.tags.includes(tag)));
  show(main, page(title, id ? categories[id].line : 'Twelve things for outside, and for coming back in.', offeredTags));

  const controls = document.getElementById('list-controls');
  const update = () => {
    const chosen = new FormData(controls);
    const wanted = chosen.getAll('tag');
    const found = all.filter((product) => wanted.every((tag) => product.tags.includes(tag))).sort(orders[chosen.get('order')].compare);
    show(document.getElementById('list-count'), html`${found.length} ${found.length === 1 ? 'thing' : 'things'}`);
    show(document.getElementById('list-cards'), found.length ? cards(found) : html`<p class="nothing">Nothing is all of that at once. Take a filter away.</p>`);
    return found;
  };
  controls.addEventListener('change', update, { signal });
  announceList(document.getElementById('list-cards'), update(), { id: id ?? 'all', name: title }, signal);
  return title;
}
