//! What shoppers do on the shop's pages, as the pages then tell their data layer.

use waver_schema::{CommerceAction, OrderRef, PageType, Referrer, Zone};

use super::super::habits;
use super::super::screen::Spot;
use super::super::storefront::{self, Product};
use super::{MOST_VIEWS, Script, Step};

impl Script {
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

    pub(super) fn look_around(&mut self, page: PageType) {
        self.open(page, None);
        self.hand.tell(CommerceAction::ViewItemList, None, storefront::COUNT as u32, None);
        let ms = self.reading_ms() / 2;
        habits::read(&mut self.hand, page, ms);
        self.hand.press(Spot::Plain);
    }

    pub(super) fn look(&mut self, product: Product) {
        if self.page == PageType::List {
            self.hand.tell(CommerceAction::SelectItem, Some(product.item), 1, product.price_minor);
        }
        self.open(PageType::Product, Some(product));
        self.hand.tell(CommerceAction::ViewItem, Some(product.item), 1, product.price_minor);
    }

    pub(super) fn consider(&mut self, product: Product) {
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

    pub(super) fn stay(&mut self, ms: u64) {
        let until = self.hand.t + ms;
        if ms >= 4_000 && self.page == PageType::Product {
            self.waver();
        }
        let left = until.saturating_sub(self.hand.t);
        habits::read(&mut self.hand, self.page, left);
    }

    pub(super) fn put_into_cart(&mut self, product: Product) {
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

    pub(super) fn open_cart(&mut self) {
        self.open(PageType::Cart, None);
        self.hand.tell(CommerceAction::ViewCart, None, self.basket.items(), self.basket.value_minor());
        let ms = self.deeds.whole(1_500, 4_000);
        habits::read(&mut self.hand, PageType::Cart, ms);
    }

    pub(super) fn weigh_cart(&mut self) {
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
    pub(super) fn decide(&mut self) {
        if self.basket.lines() == 0 {
            self.steps.push_back(Step::Leave);
        } else if self.page != PageType::Cart {
            self.steps.extend([Step::Cart, Step::WeighCart, Step::Decide]);
        } else {
            let orders = self.deeds.chance(self.persuaded(self.traits.orders));
            self.steps.push_back(if orders { Step::Checkout } else { Step::Leave });
        }
    }

    pub(super) fn check_out(&mut self) {
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

    pub(super) fn leave(&mut self) {
        self.leaving = true;
        if self.deeds.chance(self.traits.leaves_over_top) {
            self.hand.exit_over_top();
            let farewell = self.deeds.whole(1_200, 3_200);
            self.hand.wait(farewell);
        }
        self.steps.push_back(Step::Gone);
    }

    fn reading_ms(&mut self) -> u64 {
        (self.traits.reading_s * 1_000.0 * self.deeds.factor(0.4)) as u64
    }
}
