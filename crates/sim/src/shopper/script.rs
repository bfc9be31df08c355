use std::collections::VecDeque;

use waver_core::Signal;
use waver_schema::{CommerceAction, DeviceClass, OfferAction, OfferKind, OrderRef, PageType, Referrer, Zone};

use super::basket::Basket;
use super::dice::{Dice, Stream};
use super::habits;
use super::hand::Hand;
use super::persona::{Persona, Traits};
use super::plan::{Deed, Plan};
use super::screen::Spot;
use super::storefront::{self, Product};

/// Of a hundred shoppers, how many come on a touch screen: fewer than in real shops, since a finger cannot hover and much of what the demo
/// shows is hovering.
const ON_TOUCH: f64 = 0.35;
/// A shopper looks up from what it does for at most so many offers.
const MOST_OFFERS: u32 = 4;
/// Nobody is surer than this.
const MOST_CERTAIN: f64 = 0.95;
/// Pages of one session, after which even the most patient leaves. Bounds a script.
const MOST_VIEWS: u32 = 60;

/// Something that happens at a shopper's side of the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Beat {
    /// A sensor sees something.
    Signal(Signal),
    /// The shopper answers the offer it was shown last.
    Offer {
        /// When, milliseconds of the session.
        t: u64,
        /// Taken or closed.
        action: OfferAction,
    },
}

impl Beat {
    /// When it happens, milliseconds of the session.
    pub fn t(&self) -> u64 {
        match self {
            Beat::Signal(signal) => signal.t,
            Beat::Offer { t, .. } => *t,
        }
    }
}

/// What a shopper does next. Steps happen whole: an offer that comes in the middle of one is looked at after it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Home,
    List,
    Look(Product),
    Consider(Product),
    /// Stays on the product for so many milliseconds, as recorded.
    Stay(u64),
    PutIntoCart(Product),
    /// Puts it into the cart unless it is there.
    HaveInCart(Product),
    Cart,
    WeighCart,
    Decide,
    Checkout,
    Leave,
    Gone,
}

/// What an offer gives.
#[derive(Debug, Clone, Copy)]
struct Terms {
    kind: OfferKind,
    value: u32,
}

/// One shopper's session, told beat by beat as it is asked for. What it does depends on its seed, and on the offers that it is told of.
#[derive(Debug)]
pub struct Script {
    traits: Traits,
    persona: Persona,
    hand: Hand,
    deeds: Dice,
    answers: Dice,
    steps: VecDeque<Step>,
    page: PageType,
    product: Option<Product>,
    basket: Basket,
    views: u32,
    orders: u32,
    offers: u32,
    shown: Option<Terms>,
    taken: Option<Terms>,
    leaving: bool,
}

impl Script {
    /// The session of the shopper number `index` of the crowd `seed`.
    pub fn new(seed: u64, index: u64, persona: Persona, plan: Plan) -> Script {
        let mut deeds = Dice::new(seed, index, Stream::Deeds);
        let device = if deeds.chance(ON_TOUCH) { DeviceClass::Touch } else { DeviceClass::Mouse };
        let mut script = Script {
            traits: persona.traits(),
            persona,
            hand: Hand::new(device, Dice::new(seed, index, Stream::Hand)),
            deeds,
            answers: Dice::new(seed, index, Stream::Offers),
            steps: VecDeque::new(),
            page: PageType::Other,
            product: None,
            basket: Basket::default(),
            views: 0,
            orders: 0,
            offers: 0,
            shown: None,
            taken: None,
            leaving: false,
        };
        match plan {
            Plan::Own => script.plan_own_way(),
            Plan::Follow(recorded) => script.follow(&recorded.deeds),
        }
        script
    }

    /// What the shopper points with.
    pub fn device(&self) -> DeviceClass {
        self.hand.device
    }

    /// Who it is.
    pub fn persona(&self) -> Persona {
        self.persona
    }

    /// An offer of this kind and [value](waver_schema::Offer::value) is on the page. The shopper looks at it when it is done with what it
    /// does; its answer, if any, comes as a [`Beat::Offer`].
    pub fn show_offer(&mut self, kind: OfferKind, value: u32) {
        if self.offers < MOST_OFFERS {
            self.offers += 1;
            self.shown = Some(Terms { kind, value });
        }
    }

    /// The shopper closes the page before its time: nothing follows but what that looks like. `t` is milliseconds of the session.
    pub fn break_off(&mut self, t: u64) {
        self.steps.clear();
        self.hand.beats.clear();
        self.shown = None;
        self.hand.t = t.min(self.hand.t);
        self.hand.show(false);
    }

    fn plan_own_way(&mut self) {
        let landing = self.deeds.weighted(&[0.4, 0.2, 0.4]);
        let from = self.traits.products_from as u64;
        let products = self.deeds.whole(from, self.traits.products_to as u64);
        let mut planned: Vec<Product> = Vec::new();
        for n in 0..products {
            let product = if !planned.is_empty() && self.deeds.chance(self.traits.revisits) {
                planned[self.deeds.index(planned.len())]
            } else {
                storefront::product(self.deeds.index(storefront::COUNT))
            };
            planned.push(product);
            match (n, landing) {
                (0, 0) => self.steps.push_back(Step::Home),
                (0, 2) => {}
                _ => self.steps.push_back(Step::List),
            }
            self.steps.extend([Step::Look(product), Step::Consider(product)]);
        }
        self.steps.push_back(Step::Decide);
    }

    fn follow(&mut self, deeds: &[(Deed, Product, u64)]) {
        for &(deed, product, stay_ms) in deeds {
            match deed {
                Deed::View => self.steps.push_back(Step::Look(product)),
                Deed::Cart => self.steps.push_back(Step::PutIntoCart(product)),
                // A shop with a buy-now button records no cart before the purchase.
                Deed::Purchase => self.steps.extend([Step::HaveInCart(product), Step::Cart, Step::Checkout]),
            }
            self.steps.push_back(Step::Stay(stay_ms));
        }
        self.steps.push_back(Step::Leave);
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Home => self.look_around(PageType::Home),
            Step::List => self.look_around(PageType::List),
            Step::Look(product) => self.look(product),
            Step::Consider(product) => self.consider(product),
            Step::Stay(ms) => self.stay(ms),
            Step::PutIntoCart(product) => self.put_into_cart(product),
            Step::HaveInCart(product) if self.basket.holds(product) => {}
            Step::HaveInCart(product) => self.put_into_cart(product),
            Step::Cart => self.open_cart(),
            Step::WeighCart => self.weigh_cart(),
            Step::Decide => self.decide(),
            Step::Checkout => self.check_out(),
            Step::Leave => self.leave(),
            Step::Gone => self.hand.show(false),
        }
    }

    fn open(&mut self, page: PageType, product: Option<Product>) {
        self.views += 1;
        if self.views > MOST_VIEWS {
            self.steps.clear();
            self.steps.push_back(Step::Leave);
        }
        if self.views > 1 {
            let loading = self.deeds.whole(250, 900);
            self.hand.wait(loading);
        }
        let referrer = match self.views {
            1 if self.deeds.chance(0.6) => Referrer::External,
            1 => Referrer::Direct,
            _ => Referrer::Internal,
        };
        self.page = page;
        self.product = product;
        // An offer stays behind with the page that showed it.
        self.shown = None;
        self.hand.open(page, referrer, product.map(|product| product.item));
        self.hand.wait(40);
    }

    fn look_around(&mut self, page: PageType) {
        self.open(page, None);
        self.hand.tell(CommerceAction::ViewItemList, None, storefront::COUNT as u32, None);
        let ms = self.reading_ms() / 2;
        habits::read(&mut self.hand, page, ms);
        self.hand.press(Spot::Plain);
    }

    fn look(&mut self, product: Product) {
        if self.page == PageType::List {
            self.hand.tell(CommerceAction::SelectItem, Some(product.item), 1, product.price_minor);
        }
        self.open(PageType::Product, Some(product));
        self.hand.tell(CommerceAction::ViewItem, Some(product.item), 1, product.price_minor);
    }

    fn consider(&mut self, product: Product) {
        let ms = self.reading_ms();
        habits::read(&mut self.hand, PageType::Product, ms);
        self.waver();
        if self.deeds.chance(self.persuaded(self.traits.adds)) {
            self.steps.push_front(Step::PutIntoCart(product));
        }
    }

    /// The habits of the persona, each with its chance. What to do is drawn before the first is done, so that the draws stay in step.
    fn waver(&mut self) {
        let traits = self.traits;
        let [rages, compares, swings, feints, dithers] =
            [traits.rages, traits.compares, traits.swings, traits.feints, traits.dithers]
                .map(|chance| self.deeds.chance(chance));
        if rages {
            habits::rage(&mut self.hand);
        }
        if compares {
            habits::compare(&mut self.hand);
        }
        if swings {
            habits::swing(&mut self.hand);
        }
        if feints {
            habits::feint(&mut self.hand);
        }
        if dithers {
            let zone = if self.page == PageType::Cart { Zone::Checkout } else { Zone::Cta };
            habits::dither(&mut self.hand, zone);
        }
    }

    fn stay(&mut self, ms: u64) {
        let until = self.hand.t + ms;
        if ms >= 4_000 && self.page == PageType::Product {
            self.waver();
        }
        let left = until.saturating_sub(self.hand.t);
        habits::read(&mut self.hand, self.page, left);
    }

    fn put_into_cart(&mut self, product: Product) {
        if self.product != Some(product) {
            self.look(product);
        }
        habits::choose_variant(&mut self.hand);
        self.hand.press(Spot::Zone(Zone::Cta));
        let added = self.basket.add(product, 1);
        if added > 0 {
            let value_minor = product.price_minor.saturating_mul(added);
            self.hand.tell(CommerceAction::AddToCart, Some(product.item), added, value_minor);
        }
        let confirmation = self.deeds.whole(600, 1_600);
        self.hand.wait(confirmation);
    }

    fn open_cart(&mut self) {
        self.open(PageType::Cart, None);
        self.hand.tell(CommerceAction::ViewCart, None, self.basket.items(), self.basket.value_minor());
        let ms = self.deeds.whole(1_500, 4_000);
        habits::read(&mut self.hand, PageType::Cart, ms);
    }

    fn weigh_cart(&mut self) {
        if self.deeds.chance(self.traits.edits) {
            self.edit_cart();
        }
        // In the cart, doubt is about the whole order: the same habits, at half their chance.
        let [feints, dithers] = [self.traits.feints, self.traits.dithers].map(|chance| self.deeds.chance(chance / 2.0));
        if feints {
            habits::feint(&mut self.hand);
        }
        if dithers {
            habits::dither(&mut self.hand, Zone::Checkout);
        }
    }

    /// Takes something out and often puts it back, once or twice.
    fn edit_cart(&mut self) {
        let rounds = self.deeds.whole(1, 2);
        for _ in 0..rounds {
            let lines = self.basket.lines();
            if lines == 0 {
                return;
            }
            let line = self.deeds.index(lines);
            self.hand.press(Spot::Plain);
            let Some(product) = self.basket.take_one(line) else { return };
            self.hand.tell(CommerceAction::RemoveFromCart, Some(product.item), 1, product.price_minor);
            let regret = self.deeds.whole(1_200, 5_000);
            self.hand.linger(Spot::Zone(Zone::Price), regret);
            if self.deeds.chance(0.7) {
                self.hand.press(Spot::Zone(Zone::Quantity));
                self.basket.add(product, 1);
                self.hand.tell(CommerceAction::AddToCart, Some(product.item), 1, product.price_minor);
                let look = self.deeds.whole(600, 2_000);
                self.hand.wait(look);
            }
        }
    }

    /// To the cart with what is in it, on to the order, or away.
    fn decide(&mut self) {
        if self.basket.lines() == 0 {
            self.steps.push_back(Step::Leave);
        } else if self.page != PageType::Cart {
            self.steps.extend([Step::Cart, Step::WeighCart, Step::Decide]);
        } else {
            let orders = self.deeds.chance(self.persuaded(self.traits.orders));
            self.steps.push_back(if orders { Step::Checkout } else { Step::Leave });
        }
    }

    fn check_out(&mut self) {
        if self.basket.lines() == 0 {
            return;
        }
        self.hand.press(Spot::Zone(Zone::Checkout));
        self.hand.wait(120);
        let items = self.basket.items();
        self.open(PageType::Checkout, None);
        self.hand.tell(CommerceAction::BeginCheckout, None, items, self.basket.value_minor());
        habits::fill_form(&mut self.hand);
        let value_minor = self.total_minor();
        self.hand.press(Spot::Zone(Zone::Shipping));
        self.hand.tell(CommerceAction::AddShippingInfo, None, items, value_minor);
        habits::fill_form(&mut self.hand);
        self.hand.press(Spot::Zone(Zone::Checkout));
        self.hand.tell(CommerceAction::AddPaymentInfo, None, items, value_minor);
        self.hand.wait(120);
        self.open(PageType::Confirmation, None);
        self.orders += 1;
        let label = format!("SIM-{}", self.deeds.whole(0, u64::MAX));
        self.hand.tell_order(items, value_minor, OrderRef::from_label(&label));
        self.basket.clear();
        let relief = self.deeds.whole(1_500, 5_000);
        self.hand.wait(relief);
        if self.steps.is_empty() {
            self.steps.push_back(Step::Gone);
        }
    }

    fn leave(&mut self) {
        self.leaving = true;
        if self.deeds.chance(self.traits.leaves_over_top) {
            self.hand.exit_over_top();
            let farewell = self.deeds.whole(1_200, 3_200);
            self.hand.wait(farewell);
        }
        self.steps.push_back(Step::Gone);
    }

    /// Looks at the offer, and takes it, closes it, or leaves it.
    fn answer(&mut self, offer: Terms) {
        if !matches!(self.page, PageType::Product | PageType::Cart) {
            // It stayed behind on a page that has been left since.
            return;
        }
        let [notice, read, answer] =
            [self.answers.whole(500, 2_000), self.answers.whole(1_000, 3_500), self.answers.whole(0, 999)];
        self.hand.wait(notice);
        self.hand.point_at(Spot::Slot);
        self.hand.wait(read);
        let takes = match offer.kind {
            // Whoever is angry wants help rather than money.
            OfferKind::Help if self.persona == Persona::Frustrated => 0.6,
            _ => self.traits.takes,
        };
        let answer = answer as f64 / 1000.0;
        let action = if answer < takes {
            OfferAction::Accepted
        } else if answer < takes + self.traits.closes {
            OfferAction::Dismissed
        } else {
            return;
        };
        self.hand.press(Spot::Slot);
        self.hand.answer(action);
        if action == OfferAction::Accepted {
            self.taken = Some(offer);
            if std::mem::take(&mut self.leaving) {
                self.think_again();
            }
        }
    }

    /// Whoever was leaving stays for what was offered.
    fn think_again(&mut self) {
        self.steps.clear();
        match self.product {
            Some(product) if !self.basket.holds(product) && self.deeds.chance(self.persuaded(self.traits.adds)) => {
                self.steps.extend([Step::PutIntoCart(product), Step::Decide]);
            }
            _ => self.steps.push_back(Step::Decide),
        }
    }

    /// A chance, as it stands after what was offered.
    fn persuaded(&self, chance: f64) -> f64 {
        let lift = if self.taken.is_some() { self.traits.lift } else { 0.0 };
        (chance + lift).min(MOST_CERTAIN)
    }

    /// What the order costs, in minor units.
    fn total_minor(&self) -> u32 {
        let goods = self.basket.value_minor();
        match self.taken {
            Some(Terms { kind: OfferKind::Percent, value }) => {
                goods - (u64::from(goods) * u64::from(value.min(100)) / 100) as u32
            }
            Some(Terms { kind: OfferKind::Amount, value }) => goods.saturating_sub(value),
            _ => goods,
        }
    }

    fn reading_ms(&mut self) -> u64 {
        (self.traits.reading_s * 1_000.0 * self.deeds.factor(0.4)) as u64
    }
}

impl Iterator for Script {
    type Item = Beat;

    fn next(&mut self) -> Option<Beat> {
        loop {
            if let Some(beat) = self.hand.beats.pop_front() {
                return Some(beat);
            }
            match self.shown.take() {
                Some(offer) => self.answer(offer),
                None => {
                    let step = self.steps.pop_front()?;
                    self.take(step);
                }
            }
        }
    }
}
