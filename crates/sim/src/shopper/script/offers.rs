//! How shoppers answer offers, and what those do to them.

use waver_schema::{OfferAction, OfferKind, PageType};

use super::super::persona::Persona;
use super::super::screen::Spot;
use super::{Script, Step, Terms};

/// Nobody is surer than this.
const MOST_CERTAIN: f64 = 0.95;

impl Script {
    /// Looks at the offer, and takes it, closes it, or leaves it.
    pub(super) fn answer(&mut self, offer: Terms) {
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
    pub(super) fn persuaded(&self, chance: f64) -> f64 {
        let lift = if self.taken.is_some() { self.traits.lift } else { 0.0 };
        (chance + lift).min(MOST_CERTAIN)
    }

    /// What the order costs, in minor units.
    pub(super) fn total_minor(&self) -> u32 {
        let goods = self.basket.value_minor();
        match self.taken {
            Some(Terms { kind: OfferKind::Percent, value }) => {
                goods - (u64::from(goods) * u64::from(value.min(100)) / 100) as u32
            }
            Some(Terms { kind: OfferKind::Amount, value }) => goods.saturating_sub(value),
            _ => goods,
        }
    }
}
