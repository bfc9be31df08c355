// Finding things among the products.
import { products } from './products.js';

export const categories = {
  wear: { name: 'Wear', line: 'For rain, wind and the walk back.', picture: 'img/skerry-jacket.svg#scene' },
  camp: { name: 'Camp', line: 'To carry, to pitch and to see by.', picture: 'img/tern-tent.svg#scene' },
  cabin: { name: 'Cabin', line: 'For when you have come back in.', picture: 'img/drift-blanket.svg#scene' },
};

export const tags = {
  waterproof: 'Waterproof',
  wool: 'Wool',
  repairable: 'Free repairs',
  under50: 'Under €50',
  new: 'New',
};

export const orders = {
  popular: { name: 'Most loved', compare: (a, b) => b.ratings * b.rating - a.ratings * a.rating },
  price: { name: 'Price, low to high', compare: (a, b) => a.price - b.price },
  'price-falling': { name: 'Price, high to low', compare: (a, b) => b.price - a.price },
  rating: { name: 'Rating', compare: (a, b) => b.rating - a.rating },
};

export const findProduct = (id) => products.find((product) => product.id === id);

export const inCategory = (category) => products.filter((product) => !category || product.category === category);

export const withBadge = (badge) => products.filter((product) => product.badge === badge);

export const alsoLiked = (product) => products
  .filter((other) => other.id !== product.id)
  .sort((a, b) => (b.category === product.category) - (a.category === product.category) || b.rating - a.rating)
  .slice(0, 4);

// Views of a product's picture: the thing in a colour, that up close, and at its place in the world.
export const picture = (product, colour = product.colours[0].id) => `img/${product.id}.svg#${colour}`;

export const pictures = (product, colour) => [
  { src: picture(product, colour), alt: `${product.name}, whole` },
  { src: `${picture(product, colour)}-detail`, alt: `${product.name}, close up` },
  { src: `img/${product.id}.svg#scene`, alt: `${product.name} in use` },
];

export const colourName = (product, id) => product.colours.find((colour) => colour.id === id)?.name;
