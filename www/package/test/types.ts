// Compiles, or the types of the package do not say what the contract says. Nothing here runs:
// `npx tsc --project package/test` in `www/`.
import { init, type Decision, type Hesitation, type Topics, type Waver } from '../index.js';

const waver: Waver = await init({
  site: 'demo',
  endpoint: 'https://collector.example',
  consent: 'pending',
  preconsent: 'local',
  cmp: { analytics: 'measure', personalization: 'personalize' },
  tcf: 755,
});

const state = await waver.consent({ measure: true });
const granted: boolean = state.measure.state === 'granted' && state.personalize.source !== null && !state.gpc;
await waver.page({ type: 'product', item: 'fellside-sweater' });
await waver.track('add_to_cart', { currency: 'EUR', value: 89, items: [{ item_id: 'fellside-sweater', price: 89, quantity: 1 }] });

const hint = ({ kind, zone, score, reasons }: Hesitation) => `${kind} ${zone ?? '-'} ${score.toFixed(2)} ${reasons[0]?.feature}`;
await waver.on('hesitation', (hesitation) => console.log(hint(hesitation)));
await waver.on('intent', ({ p_buy, stage, trend }) => console.log(p_buy * 100, stage, trend));
await waver.on('frustration', ({ kind }) => console.log(kind));
const taken = ({ action, slot, decision }: Topics['offer']) => console.log(action, slot, decision.offer?.expires_at);
await waver.on('offer', taken);
await waver.off('offer', taken);

const decision: Decision = await waver.offer('cart', { timeout_ms: 500 });
if (decision.offer?.kind === 'amount') console.log(decision.offer.value, decision.offer.currency);
const features = (await waver.state())?.features;
const { receipt } = await waver.forget();
await waver.debug(granted);
console.log(features, receipt?.receipt.erased_at, receipt?.signature);

// @ts-expect-error the endpoint is missing
void init({ site: 'demo' });
// @ts-expect-error no such kind of page
void waver.page({ type: 'basket' });
// @ts-expect-error no such topic
void waver.on('purchase', () => {});
// @ts-expect-error consent is a boolean per purpose
void waver.consent({ measure: 'granted' });
// @ts-expect-error a category stands for one of two purposes
void init({ site: 'demo', endpoint: 'https://collector.example', cmp: { ads: 'market' } });
