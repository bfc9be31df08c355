use serde::{Deserialize, Serialize};
use waver_schema::{Cart, CartItem, DecisionFeatures, EventBody, Feature, ItemRef, Milli, PageType, ZoneScore};

use crate::features::{Counters, FeatureVector};
use crate::frustration::{Frustration, Frustrations, Recent};
use crate::hesitation::{Detectors, Hesitation, Kept, REARM};
use crate::intent::{History, Intent, Journey, Predictor, Scorer};
use crate::items::Items;
use crate::model::ModelError;
use crate::{Signal, SignalKind};

/// What a shell has to carry out after a signal.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Tell the page, and think of an offer: a hesitation reached its threshold.
    Hesitation(Hesitation),
    /// Tell the page, and think of help: a frustration reached its threshold.
    Frustration(Frustration),
    /// Tell the page: the intent score moved to another stage.
    Intent(Intent),
    /// Ask ahead what may be offered: the strongest hesitation rises towards its report.
    Rising,
    /// Pass this through the gate for [`crate::consent::Purpose::Measure`] and queue it.
    Record(EventBody),
}

/// Score of the strongest hesitation from which a decision is asked for, so that it is there when the hesitation is reported: that is at
/// [`crate::hesitation::THRESHOLD`], and rules of offers ask for as much as this.
const RISING: f64 = 0.5;

/// One session as the browser knows it: folds signals, scores hesitation and intent, and says what is to be done.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    now: u64,
    counters: Counters,
    items: Items,
    detectors: Detectors,
    frustrations: Frustrations,
    journey: Journey,
    scorer: Scorer,
    predictor: Option<Predictor>,
    /// Whether the strongest hesitation has risen, and not fallen back since. No snapshot holds it: the next page has no decision in hand, and
    /// asks ahead again while a score is high.
    risen: bool,
}

/// What of an [`Engine`] crosses a page load. Opaque; its shape may change with any version, and one that does not fit is dropped by the
/// shell, which then starts afresh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    now: u64,
    counters: Counters,
    items: Items,
    detectors: Kept,
    frustrations: Recent,
    journey: Journey,
    scorer: Scorer,
}

impl Engine {
    /// An engine at the very start of a session: every counter at zero.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Goes on where another page left off.
    pub fn restore(snapshot: Snapshot) -> Engine {
        let Snapshot { now, counters, items, detectors, frustrations, journey, scorer } = snapshot;
        let (detectors, frustrations) = (Detectors::restore(detectors), Frustrations::restore(frustrations));
        Engine { now, counters, items, detectors, frustrations, journey, scorer, predictor: None, risen: false }
    }

    /// Scores the probability of a purchase by this artifact from now on. A snapshot does not hold it: it is handed over anew on every page.
    ///
    /// # Errors
    /// When it is no artifact that can score this; the engine then goes on as before, by rules at first, which its scores say
    /// ([`Intent::model`]).
    pub fn predict_by(&mut self, artifact: &[u8]) -> Result<(), ModelError> {
        self.predictor = Some(Predictor::decode(artifact)?);
        Ok(())
    }

    /// Tells what earlier sessions left, and how many hours ago the last of them ended; once, when a session begins.
    pub fn remember(&mut self, history: History, hours_away: f64) {
        self.journey.remember(history, hours_away);
    }

    /// What the next session is to be told, if this one ended now.
    pub fn history(&self) -> History {
        self.journey.history()
    }

    /// What the next page needs.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            now: self.now,
            counters: self.counters.clone(),
            items: self.items.clone(),
            detectors: self.detectors.keep(),
            frustrations: self.frustrations.keep(),
            journey: self.journey.clone(),
            scorer: self.scorer.clone(),
        }
    }

    /// Takes a signal in. A signal earlier than its predecessor counts as simultaneous with it.
    pub fn observe(&mut self, signal: &Signal) -> Vec<Effect> {
        self.now = self.now.max(signal.t);
        let signal = &Signal { t: self.now, kind: signal.kind };
        self.items.observe(signal.kind);
        if matches!(signal.kind, SignalKind::CartItem { .. }) {
            // Nothing else looks at it, and a cart has many.
            return Vec::new();
        }
        let mut effects = Vec::new();
        if matches!(signal.kind, SignalKind::View { .. }) {
            self.end_attention(&mut effects);
        }
        self.counters.observe(signal);
        self.journey.observe(signal);
        match signal.kind {
            SignalKind::View { page, navigation, referrer, device, item } => {
                effects.push(Effect::Record(EventBody::PageView { page, navigation, referrer, device, item }));
            }
            SignalKind::Commerce { action, item, quantity, value_minor, currency, order } => {
                let body = EventBody::Commerce { action, item, quantity, value_minor, currency, order };
                effects.push(Effect::Record(body));
            }
            SignalKind::Visibility { visible: false } => self.end_attention(&mut effects),
            _ => {}
        }
        for hesitation in self.detectors.observe(signal) {
            effects.push(Effect::Record(record(&hesitation, self.counters.page)));
            effects.push(Effect::Hesitation(hesitation));
        }
        for frustration in self.frustrations.observe(signal) {
            let (kind, zone, page) = (frustration.kind, frustration.zone, self.counters.page);
            effects.push(Effect::Record(EventBody::Frustration { kind, zone, page }));
            effects.push(Effect::Frustration(frustration));
        }
        let (features, exit_score) = (self.measure(), self.detectors.exit_score(self.now));
        let strongest = features.get(Feature::Hesitation);
        let risen = strongest >= if self.risen { REARM } else { RISING };
        if risen && !self.risen {
            effects.push(Effect::Rising);
        }
        self.risen = risen;
        let (intent, changed) = self.scorer.update(self.predictor.as_ref(), &features, exit_score, self.now);
        if changed {
            effects.push(Effect::Record(EventBody::Intent {
                p_buy_milli: Milli::from_unit(intent.p_buy),
                p_leave_milli: Milli::from_unit(intent.p_leave),
                stage: intent.stage,
                trend: intent.trend,
            }));
            effects.push(Effect::Intent(intent));
        }
        effects
    }

    /// When [`SignalKind::Tick`] should come if nothing else does, milliseconds of the session.
    pub fn wake_at(&self) -> Option<u64> {
        self.detectors.wake_at().into_iter().chain(self.frustrations.wake_at()).min()
    }

    /// The features as they stand, [`Feature::PBuy`] among them.
    pub fn features(&self) -> FeatureVector {
        let mut features = self.measure();
        features.set(Feature::PBuy, self.intent().p_buy);
        features
    }

    /// The intent score as it stands.
    pub fn intent(&self) -> Intent {
        let exit_score = self.detectors.exit_score(self.now);
        self.scorer.assess(self.predictor.as_ref(), &self.measure(), exit_score, self.now)
    }

    /// The hesitations as they stand, above zero.
    pub fn hesitations(&self) -> Vec<Hesitation> {
        self.detectors.all(self.now)
    }

    /// The frustrations of the last minute.
    pub fn frustrations(&self) -> u16 {
        self.frustrations.recent(self.now)
    }

    /// The scores that go with a request for a decision.
    pub fn decision_features(&self) -> DecisionFeatures {
        let intent = self.intent();
        let hesitation = self
            .hesitations()
            .iter()
            .map(|hesitation| ZoneScore {
                kind: hesitation.kind,
                zone: hesitation.zone,
                score_milli: hesitation.score_milli(),
            })
            .collect();
        DecisionFeatures {
            hesitation,
            p_buy_milli: Milli::from_unit(intent.p_buy),
            p_leave_milli: Milli::from_unit(intent.p_leave),
            stage: Some(intent.stage),
            frustrations: self.frustrations(),
        }
    }

    /// The cart as far as shop events tell.
    pub fn cart(&self) -> Cart {
        self.counters.cart
    }

    /// The product that the current view shows, where it is one's.
    pub fn item(&self) -> Option<ItemRef> {
        self.items.shown
    }

    /// The products in the cart, as far as shop events tell; at most [`waver_schema::limits::ITEMS_PER_DECISION`].
    pub fn cart_items(&self) -> &[CartItem] {
        &self.items.in_cart
    }

    /// Kind of the page of the current view.
    pub fn page(&self) -> PageType {
        self.counters.page
    }

    fn measure(&self) -> FeatureVector {
        let mut features = FeatureVector::default();
        self.counters.measure(&mut features);
        self.journey.measure(&mut features);
        self.detectors.measure(self.now, &mut features);
        self.frustrations.measure(self.now, &mut features);
        features
    }

    fn end_attention(&mut self, effects: &mut Vec<Effect>) {
        let scroll_milli = Milli::from_unit(self.counters.scroll_depth());
        if let Some((engaged_ms, clicks)) = self.counters.take_attention() {
            effects.push(Effect::Record(EventBody::Engagement { engaged_ms, scroll_milli, clicks }));
        }
    }
}

fn record(hesitation: &Hesitation, page: PageType) -> EventBody {
    EventBody::Hesitation {
        kind: hesitation.kind,
        zone: hesitation.zone,
        page,
        score_milli: hesitation.score_milli(),
        confidence_milli: Milli::from_unit(hesitation.confidence),
        since_ms: hesitation.since_ms,
        reasons: hesitation.reasons.iter().map(|reason| reason.to_wire()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PointerType;
    use crate::intent::RULES;
    use crate::model::{Model, Origin, Parts, Summary, Term, Transform, logistic};
    use waver_schema::{
        CommerceAction, DeviceClass, FrustrationKind, HesitationKind, Navigation, Referrer, Stage, Zone,
    };

    fn view(t: u64, page: PageType) -> Signal {
        let (navigation, referrer, device) = (Navigation::Load, Referrer::Internal, DeviceClass::Mouse);
        Signal { t, kind: SignalKind::View { page, navigation, referrer, device, item: None } }
    }

    fn dither(engine: &mut Engine, from: u64) -> Vec<Effect> {
        let mut signals =
            vec![Signal { t: from, kind: SignalKind::ZoneEnter { zone: Zone::Cta, pointer: PointerType::Mouse } }];
        signals.extend((1..100).map(|n| Signal {
            t: from + n * 40,
            kind: SignalKind::Pointer { x: 100 + n as i32 % 9, y: 300, pointer: PointerType::Mouse },
        }));
        signals.iter().flat_map(|signal| engine.observe(signal)).collect()
    }

    #[test]
    fn a_lasting_doubt_is_told_once_with_its_reasons() {
        let mut engine = Engine::new();
        engine.observe(&view(0, PageType::Product));
        let effects = dither(&mut engine, 1_000);
        let told: Vec<&Hesitation> = effects
            .iter()
            .filter_map(|effect| if let Effect::Hesitation(hesitation) = effect { Some(hesitation) } else { None })
            .collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].kind, told[0].zone), (HesitationKind::CtaHover, Some(Zone::Cta)));
        assert_eq!(told[0].reasons[0].feature, Feature::CtaDwellMs);
        assert!(told[0].reasons[0].value > 1_000.0);
        let recorded = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Record(EventBody::Hesitation { page: PageType::Product, .. })));
        assert_eq!(recorded.count(), 1);
    }

    #[test]
    fn a_session_crosses_a_page_load_and_a_views_doubt_does_not() {
        let mut engine = Engine::new();
        engine.observe(&view(0, PageType::Product));
        dither(&mut engine, 1_000);
        let kind = SignalKind::Commerce {
            action: CommerceAction::AddToCart,
            item: None,
            quantity: 1,
            value_minor: Some(8_900),
            currency: None,
            order: None,
        };
        engine.observe(&Signal { t: 6_000, kind });
        let mut next = Engine::restore(engine.snapshot());
        assert_eq!(next.cart(), engine.cart());
        next.observe(&view(7_000, PageType::Cart));
        assert_eq!(next.features().get(Feature::Views), 2.0);
        assert!(next.hesitations().is_empty());
    }

    #[test]
    fn what_rises_is_told_before_it_is_reported_and_once() {
        let mut engine = Engine::new();
        engine.observe(&view(0, PageType::Product));
        let effects = dither(&mut engine, 1_000);
        let told = |effects: &[Effect]| -> Vec<usize> {
            (0..).zip(effects).filter(|(_, effect)| **effect == Effect::Rising).map(|(place, _)| place).collect()
        };
        let reported = effects.iter().position(|effect| matches!(effect, Effect::Hesitation(_))).expect("a report");
        assert!(matches!(told(&effects)[..], [risen] if risen < reported), "{effects:?}");
        engine.observe(&view(60_000, PageType::Product));
        assert_eq!(told(&dither(&mut engine, 61_000)).len(), 1, "and again after it fell back");
    }

    #[test]
    fn the_products_at_hand_cross_a_page_load() {
        let mut engine = Engine::new();
        let item = ItemRef::from_label("cup");
        let mut shown = view(0, PageType::Product);
        let SignalKind::View { item: of_page, .. } = &mut shown.kind else { unreachable!("a view") };
        *of_page = Some(item);
        engine.observe(&shown);
        let action = CommerceAction::AddToCart;
        assert!(engine.observe(&Signal { t: 1, kind: SignalKind::CartItem { action, item, quantity: 2 } }).is_empty());
        let mut next = Engine::restore(engine.snapshot());
        assert_eq!((next.item(), next.cart_items()), (Some(item), &[CartItem { item, quantity: 2 }][..]));
        next.observe(&view(2, PageType::Cart));
        assert_eq!((next.item(), next.cart_items().len()), (None, 1));
    }

    #[test]
    fn time_never_runs_backwards() {
        let mut engine = Engine::new();
        engine.observe(&view(5_000, PageType::Home));
        engine.observe(&Signal { t: 1_000, kind: SignalKind::click(None) });
        assert_eq!(engine.features().get(Feature::EngagedMs), 0.0);
    }

    #[test]
    fn a_frustration_is_told_recorded_and_counted_for_a_minute() {
        use crate::{Press, Pressed, PressedBy};
        let mut engine = Engine::new();
        engine.observe(&view(0, PageType::Cart));
        let press = Press { by: PressedBy::Mouse, on: Pressed::Control, watched: true, ..Press::default() };
        engine.observe(&Signal { t: 1_000, kind: SignalKind::Click { zone: Some(Zone::Checkout), press } });
        assert_eq!(engine.wake_at(), Some(1_000 + crate::DEAD_CLICK_MS));
        let effects = engine.observe(&Signal { t: 3_500, kind: SignalKind::Tick });
        let (kind, zone) = (FrustrationKind::DeadClick, Some(Zone::Checkout));
        let recorded = EventBody::Frustration { kind, zone, page: PageType::Cart };
        assert!(effects.contains(&Effect::Record(recorded)), "{effects:?}");
        let told = effects.iter().find_map(|effect| match effect {
            Effect::Frustration(frustration) => Some(frustration),
            _ => None,
        });
        assert_eq!(told.map(|told| (told.kind, told.zone, told.since_ms)), Some((kind, zone, 2_500)));
        assert_eq!(engine.decision_features().frustrations, 1);
        assert!(engine.features().get(Feature::Frustration) > 0.6);
        engine.observe(&Signal { t: 70_000, kind: SignalKind::Tick });
        assert_eq!(engine.decision_features().frustrations, 0);
    }

    #[test]
    fn attention_is_told_when_the_page_is_hidden() {
        let mut engine = Engine::new();
        engine.observe(&view(0, PageType::Home));
        let effects = engine.observe(&Signal { t: 2_000, kind: SignalKind::Visibility { visible: false } });
        let expected = EventBody::Engagement { engaged_ms: 2_000, scroll_milli: Milli::default(), clicks: 0 };
        assert!(effects.contains(&Effect::Record(expected)));
    }

    /// An artifact that estimates `task` from `feature`: log-odds of -1, and 2 more for each of it.
    fn artifact(task: &str, feature: &str) -> Vec<u8> {
        let term = Term { feature: 0, transform: Transform::Identity, centre: 0.0, weight: 2.0 };
        let model = Model::new(Parts {
            task: task.to_owned(),
            name: "shop-7".to_owned(),
            features: vec![feature.to_owned()],
            bias: -1.0,
            terms: vec![term],
            thresholds: vec![("building".to_owned(), 0.25)],
            ..Parts::default()
        });
        let summary = Summary {
            origin: Origin::Simulated,
            data: "test".to_owned(),
            data_hash: 0,
            seed: 0,
            rows: 1,
            positives: 1,
            groups: 1,
            figures: Vec::new(),
        };
        model.expect("sound").encode(&summary).expect("small")
    }

    #[test]
    fn an_artifact_takes_the_place_of_the_rules_and_says_so() {
        let mut engine = Engine::new();
        assert_eq!(engine.intent().model, RULES);
        engine.predict_by(&artifact("p_buy", "past_purchases")).expect("fits");
        assert_eq!((engine.intent().model.as_str(), engine.intent().p_buy), ("shop-7", logistic(-1.0)));
        assert_eq!(engine.intent().stage, Stage::Building, "by the artifact's own threshold");
        let mut history = History::default();
        history.purchases = 1;
        engine.remember(history, 30.0);
        engine.observe(&view(0, PageType::Home));
        let intent = engine.intent();
        assert_eq!((intent.p_buy, intent.stage), (logistic(1.0), Stage::High));
        assert_eq!((intent.reasons[0].feature, intent.reasons[0].weight), (Feature::PastPurchases, 2.0));
        assert_eq!(engine.features().get(Feature::PBuy), intent.p_buy);
    }

    #[test]
    fn a_wrong_artifact_leaves_what_was_there() {
        let mut engine = Engine::new();
        let right = artifact("p_buy", "views");
        for wrong in [
            Vec::new(),
            right[..20].to_vec(),
            artifact("p_switch", "views"),
            artifact("p_buy", "p_buy"),
            artifact("p_buy", "height"),
        ] {
            assert!(engine.predict_by(&wrong).is_err());
            assert_eq!(engine.intent().model, RULES);
        }
        engine.predict_by(&right).expect("fits");
        assert!(engine.predict_by(&[]).is_err());
        assert_eq!(engine.intent().model, "shop-7");
    }
}
