// All amounts in the shop are integers in minor units (cents).
export const CURRENCY = 'EUR';

const format = new Intl.NumberFormat('en-IE', { style: 'currency', currency: CURRENCY });

export const price = (minor) => format.format(minor / 100);
