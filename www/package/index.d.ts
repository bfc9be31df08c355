export type PageType = 'home' | 'list' | 'search' | 'product' | 'cart' | 'checkout' | 'confirmation' | 'other';
export type Zone =
  | 'price' | 'cta' | 'size' | 'variant' | 'quantity' | 'shipping' | 'returns' | 'reviews' | 'coupon' | 'checkout';
export type HesitationKind =
  | 'cta_hover' | 'price_dwell' | 'scroll_oscillation' | 'variant_switching' | 'cart_edit' | 'tab_compare'
  | 'product_return' | 'coupon_search' | 'form_refill' | 'checkout_stall' | 'exit_intent' | 'idle_return';
export type FrustrationKind = 'rage_click' | 'dead_click' | 'error_click' | 'thrashed_cursor';
export type Stage = 'low' | 'building' | 'high' | 'leaving';
export type Trend = 'up' | 'flat' | 'down';
export type Choice = 'unknown' | 'denied' | 'granted';
export type ConsentSource =
  | 'tag' | 'page_call' | 'gpc' | 'dnt' | 'tcf' | 'cookieconsent' | 'gpp' | 'usp' | 'consent_mode' | 'shopify' | 'klaro' | 'orejime'
  | 'tarteaucitron' | 'c15t' | 'other_tab';
export type OfferKind = 'percent' | 'amount' | 'free_shipping' | 'gift' | 'message' | 'help';
export type DecisionReason =
  | 'targeting_match' | 'holdout' | 'no_consent' | 'not_eligible' | 'capped' | 'budget_spent' | 'cooldown' | 'frustrated'
  | 'already_buying' | 'out_of_stock' | 'margin_floor' | 'kill_switch' | 'fallback';

/** What weighed in a score or decision. Values are in the feature's own unit. */
export interface Reason {
  feature: string;
  value: number;
  weight: number;
}

export interface Hesitation {
  kind: HesitationKind;
  zone: Zone | null;
  /** How strong, 0 to 1. */
  score: number;
  /** How sure, 0 to 1. */
  confidence: number;
  since_ms: number;
  reasons: Reason[];
}

export interface Intent {
  /** Probability of a purchase in this session, 0 to 1. */
  p_buy: number;
  /** Probability of leaving the shop soon, 0 to 1. */
  p_leave: number;
  stage: Stage;
  trend: Trend;
  model: string;
  reasons: Reason[];
}

export interface Frustration {
  kind: FrustrationKind;
  zone: Zone | null;
  /** How strong, 0 to 1. */
  score: number;
  /** How sure, 0 to 1. */
  confidence: number;
  since_ms: number;
  reasons: Reason[];
}

export interface Offer {
  id: string;
  kind: OfferKind;
  /** `percent`: whole percent. `amount`: minor units of `currency`. Otherwise 0. */
  value: number;
  currency?: string;
  text: string;
  /** Has to be shown with the offer: it says that the price was personalised. */
  disclosure: string;
  accept: string;
  dismiss: string;
  /** Unix milliseconds; the same instant after a reload or in another tab. */
  expires_at: number;
  grant?: string;
}

export interface Decision {
  /** Null when it was made in the browser, for want of consent or of a collector. */
  decision: string | null;
  slot: string;
  offer: Offer | null;
  reason: DecisionReason;
  arm: 'offer' | 'nothing' | 'holdout';
  propensity: number;
  holdout: boolean;
  policy: string;
  model: string;
  explain: Reason[];
  /** The collector's clock when it answered, Unix milliseconds; 0 when it was made in the browser. The offer ends `expires_at - now` later. */
  now: number;
}

export interface PurposeState {
  state: Choice;
  source: ConsentSource | null;
}

export interface ConsentState {
  measure: PurposeState;
  personalize: PurposeState;
  /** Whether Global Privacy Control was found and honoured. */
  gpc: boolean;
  /** Whether Do Not Track was found and honoured. */
  dnt: boolean;
  /** Whether either was: what a shop has to show to shoppers in California. */
  opt_out_honoured: boolean;
}

/** What the collector says it erased, signed with the key at `/v1/erase/key`; `waver check --receipt` verifies it. */
export interface SignedReceipt {
  receipt: {
    classes: ('aggregates' | 'dead_letters' | 'decisions' | 'events' | 'session')[];
    /** Unix milliseconds. */
    erased_at: number;
    erasure: string;
    key: string;
    keys_destroyed: number;
    log: { after: LogPoint; before: LogPoint; record: number };
    nonce?: string;
    records: { batches: number; dead_letters: number; decisions: number };
    site: string;
    statement: string;
    v: number;
  };
  signature: string;
}

export interface LogPoint {
  chain: string;
  offset: number;
}

/** Everything as it stands, for the page's own use. */
export interface State {
  page: PageType;
  features: Record<string, number>;
  hesitation: Hesitation[];
  intent: Intent;
  cart: { items: number; value_minor: number; currency?: string };
  /** For OpenFeature's `setContext`: with it, OFREP's flags at the collector are the decisions for this session. Null without a grant on record. */
  context: EvaluationContext | null;
}

/** The session and what was seen, as the collector's OFREP routes take it. The targeting key is the session's id: whoever has it may erase it. */
export interface EvaluationContext {
  targetingKey: string;
  site: string;
  consent_epoch: number;
  [fact: string]: unknown;
}

export interface Topics {
  hesitation: Hesitation;
  intent: Intent;
  frustration: Frustration;
  offer: { action: 'exposed' | 'accepted' | 'dismissed'; slot: string; decision: Decision };
  consent: ConsentState;
}

/** A GA4 item; only ids (hashed), prices and quantities are ever read. */
export interface Item {
  item_id?: string;
  item_name?: string;
  price?: number;
  quantity?: number;
  [parameter: string]: unknown;
}

export interface TrackParameters {
  currency?: string;
  value?: number;
  transaction_id?: string;
  items?: Item[];
  [parameter: string]: unknown;
}

export interface Options {
  /** The site's public key. */
  site: string;
  /** Origin of the collector. */
  endpoint: string;
  /** Where consent is looked for; `auto` finds the consent tool and the browser's signals. */
  consent?: 'auto' | 'pending' | 'granted' | 'denied';
  /** What happens before a grant: nothing at all, or detection for the page's own callbacks. */
  preconsent?: 'off' | 'local';
  /** Which category, service or purpose of the consent tool stands for which purpose. */
  cmp?: Record<string, 'measure' | 'personalize'>;
  /** Whose consent under IAB TCF counts: the publisher's own, the purposes as such, or the vendor of that number. */
  tcf?: 'publisher' | 'purposes' | number | `${number}`;
  /** The privacy notice that is shown: its version and the SHA-256 of its text, with a space between. */
  notice?: string;
  /** Name of the GA4 queue, or `none`. */
  datalayer?: string;
  /** A model artifact of `waver train` that scores intent. Without it, or where it does not fit, intent goes by rules and says so in `model`. */
  model?: Uint8Array;
  debug?: boolean;
  /** Where the module is, if the bundler cannot tell: the URL or bytes of `waver_bg.wasm`. */
  wasm?: string | URL | Request | BufferSource | Promise<Response>;
}

/** Starts the module on this page; later calls give the same instance. */
export function init(options: Options): Promise<Waver>;

export class Waver {
  consent(choices?: { measure?: boolean; personalize?: boolean }): Promise<ConsentState>;
  page(page: { type: PageType; item?: string }): Promise<void>;
  track(name: string, params?: TrackParameters): Promise<void>;
  on<T extends keyof Topics>(topic: T, callback: (payload: Topics[T]) => void): Promise<void>;
  off<T extends keyof Topics>(topic: T, callback: (payload: Topics[T]) => void): Promise<void>;
  /** Never rejects for want of a network: it resolves to no offer, with a reason. */
  offer(slot: string, options?: { timeout_ms?: number }): Promise<Decision>;
  /** Null while nothing is watched. */
  state(): Promise<State | null>;
  /** The local state is gone when this returns. `receipt` is null if there was nothing to erase, or no collector to be reached. */
  forget(): Promise<{ erased_locally: true; receipt: SignedReceipt | null }>;
  debug(on: boolean): Promise<void>;
}
