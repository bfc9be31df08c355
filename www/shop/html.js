// Markup from templates whose values are escaped: no product text and no form field can become an element.

class Markup {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function written(value) {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(written).join('');
  if (value === undefined || value === null || value === false) return '';
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

export function html(parts, ...values) {
  return new Markup(String.raw({ raw: parts }, ...values.map(written)));
}

// Replaces what is inside `element`. Whoever was on a control with an id stays on it, so that a keyboard can go on.
export function show(element, markup) {
  const focused = element.contains(document.activeElement) && document.activeElement.id;
  element.innerHTML = markup;
  if (focused) document.getElementById(focused)?.focus();
}
