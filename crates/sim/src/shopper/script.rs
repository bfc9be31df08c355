mod deeds;
mod offers;

use std::collections::VecDeque;

use waver_core::Signal;
use waver_schema::{DeviceClass, OfferAction, OfferKind, PageType};

use super::basket::Basket;
use super::dice::{Dice, Stream};
use super::hand::Hand;
use super::persona::{Persona, Traits};
use super::plan::{Deed, Plan};
use super::storefront::{self, Product};

/// Share of shoppers who come on a touch screen: fewer than in real shops, since a finger cannot hover and much of what the demo shows is
/// hovering.
const ON_TOUCH: f64 = 0.35;
/// A shopper looks up from what it does for at most so many offers.
const MOST_OFFERS: u32 = 4;
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
