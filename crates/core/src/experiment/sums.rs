use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use waver_schema::Currency;

use super::Moments;

/// Most currencies of one cell. Shops have few; forged orders could name 17,576.
pub const MOST_CURRENCIES: usize = 4;
/// What one session came to after it was assigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its orders.
    pub orders: Vec<OrderOutcome>,
}

/// What one order came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderOutcome {
    /// Its value in minor units, less what was given back; `None` where the shop did not say.
    pub value: Option<(Currency, i64)>,
    /// Its margin in minor units of the same currency, where the shop said so.
    pub margin_minor: Option<i64>,
    /// What was given back, in minor units.
    pub refunded_minor: i64,
}

/// What the sessions of one cell came to, added up. Whole numbers, so that any order of adding gives the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Sessions.
    pub sessions: i64,
    /// Sessions with an order.
    pub converted: i64,
    /// Orders.
    pub orders: i64,
    /// Money by currency. A session without an order in a currency came to nothing there.
    pub money: BTreeMap<Currency, Money>,
}

/// Money of one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Sessions with an order in it.
    pub sessions: i64,
    /// Value of the orders less refunds.
    pub revenue: Total,
    /// Margin of the orders.
    pub margin: Total,
    /// Sessions with an order whose margin nobody told.
    pub without_margin: i64,
    /// What was given back, in minor units.
    pub refunded_minor: i64,
    /// Sessions that gave something back.
    pub refunded: i64,
}

/// A sum over sessions, and the sum of the squares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Minor units.
    pub sum: i64,
    /// Squares of minor units.
    pub squares: i128,
}

impl Total {
    fn of(minor: i64) -> Total {
        Total { sum: minor, squares: i128::from(minor) * i128::from(minor) }
    }

    fn add(&mut self, other: Total) {
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
    }
}

impl Sums {
    /// Of one session.
    pub fn of(outcome: &Outcome) -> Sums {
        let mut money: BTreeMap<Currency, (i64, Option<i64>, i64)> = BTreeMap::new();
        for order in &outcome.orders {
            let Some((currency, minor)) = order.value else { continue };
            let (value, margin, refunded) = money.entry(currency).or_insert((0, Some(0), 0));
            *value = value.saturating_add(minor);
            *margin = margin.zip(order.margin_minor).map(|(sum, more)| sum.saturating_add(more));
            *refunded = refunded.saturating_add(order.refunded_minor);
        }
        let orders = outcome.orders.len() as i64;
        let of_currency = |(currency, (value, margin, refunded_minor)): (Currency, (i64, Option<i64>, i64))| {
            let money = Money {
                revenue: Total::of(value),
                margin: margin.map(Total::of).unwrap_or_default(),
                sessions: 1,
                without_margin: margin.is_none().into(),
                refunded_minor,
                refunded: (refunded_minor > 0).into(),
            };
            (currency, money)
        };
        let money = money.into_iter().map(of_currency).collect();
        let mut sums = Sums { sessions: 1, converted: (orders > 0).into(), orders, money };
        sums.keep_smallest();
        sums
    }

    /// What a session's order adds that is worth something else than was counted: `before` and `after` are what the session had come to in that
    /// currency, less refunds, and the margin where it is known of all its orders.
    pub fn corrected(currency: Currency, before: (i64, Option<i64>), after: (i64, Option<i64>)) -> Sums {
        let less = |after: i64, before: i64| Total {
            sum: after.saturating_sub(before),
            squares: Total::of(after).squares - Total::of(before).squares,
        };
        let margin = after.1.zip(before.1).map(|(after, before)| less(after, before)).unwrap_or_default();
        let revenue = less(after.0, before.0);
        let refunded_minor = before.0.saturating_sub(after.0);
        let refunded = (refunded_minor > 0).into();
        let money = Money { revenue, margin, refunded_minor, refunded, ..Money::default() };
        Sums { money: BTreeMap::from([(currency, money)]), ..Sums::default() }
    }

    /// Adds what others came to.
    pub fn add(&mut self, other: &Sums) {
        self.sessions = self.sessions.saturating_add(other.sessions);
        self.converted = self.converted.saturating_add(other.converted);
        self.orders = self.orders.saturating_add(other.orders);
        for (currency, more) in &other.money {
            let money = self.money.entry(*currency).or_default();
            money.revenue.add(more.revenue);
            money.margin.add(more.margin);
            money.sessions = money.sessions.saturating_add(more.sessions);
            money.refunded = money.refunded.saturating_add(more.refunded);
            money.without_margin = money.without_margin.saturating_add(more.without_margin);
            money.refunded_minor = money.refunded_minor.saturating_add(more.refunded_minor);
        }
        self.keep_smallest();
    }

    /// A currency among the smallest of a whole is among the smallest of any part of it, so that what is kept is complete.
    fn keep_smallest(&mut self) {
        while self.money.len() > MOST_CURRENCIES {
            self.money.pop_last();
        }
    }

    /// How many sessions.
    pub fn count(&self) -> u64 {
        whole(self.sessions)
    }

    /// Orders or none, by session.
    pub fn conversion(&self) -> Moments {
        Moments::of_rate(self.count(), whole(self.converted).min(self.count()))
    }

    /// Minor units of `currency` less refunds, by session.
    pub fn revenue(&self, currency: Currency) -> Moments {
        self.moments(self.money.get(&currency).map(|money| money.revenue))
    }

    /// Minor units of margin, by session; `None` where the margin of an order was not told.
    pub fn margin(&self, currency: Currency) -> Option<Moments> {
        let money = self.money.get(&currency);
        if money.is_some_and(|money| money.without_margin > 0) {
            return None;
        }
        Some(self.moments(money.map(|money| money.margin)))
    }

    fn moments(&self, total: Option<Total>) -> Moments {
        let Total { sum, squares } = total.unwrap_or_default();
        Moments { count: self.count(), sum: sum as f64, squares: squares as f64 }
    }
}

/// A sum as a count. Only parts of a whole can be below zero.
fn whole(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(currency: &str, minor: i64, margin_minor: Option<i64>) -> OrderOutcome {
        OrderOutcome {
            value: Currency::new(currency).ok().map(|currency| (currency, minor)),
            margin_minor,
            refunded_minor: 0,
        }
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        let order = (
            prop_oneof![Just("EUR"), Just("USD"), Just("CHF"), Just("GBP"), Just("JPY"), Just("AUD")],
            -500..9_000_i64,
            proptest::option::of(0..900_i64),
        );
        proptest::collection::vec(
            order.prop_map(|(currency, minor, margin)| self::order(currency, minor, margin)),
            0..4,
        )
        .prop_map(|orders| Outcome { orders })
    }

    proptest! {
        #[test]
        fn sums_are_the_same_in_any_order_and_in_any_parts(outcomes in proptest::collection::vec(any_outcome(), 0..30), cut in 0_usize..30) {
            let add = |outcomes: &mut dyn Iterator<Item = &Outcome>| outcomes.fold(Sums::default(), |mut sums, outcome| {
                sums.add(&Sums::of(outcome));
                sums
            });
            let all = add(&mut outcomes.iter());
            prop_assert_eq!(&add(&mut outcomes.iter().rev()), &all);
            let (first, rest) = outcomes.split_at(cut.min(outcomes.len()));
            let mut parts = add(&mut first.iter());
            parts.add(&add(&mut rest.iter()));
            prop_assert_eq!(&parts, &all);
            prop_assert_eq!(all.count(), outcomes.len() as u64);
            let bytes = postcard::to_allocvec(&all).expect("encodes");
            prop_assert_eq!(postcard::from_bytes::<Sums>(&bytes).expect("decodes"), all);
        }

        #[test]
        fn a_correction_gives_what_counting_the_corrected_session_gives(before in -500..9_000_i64, after in -500..9_000_i64, margin in 0..900_i64) {
            let euro = Currency::new("EUR").expect("valid");
            let of = |minor| Sums::of(&Outcome { orders: vec![order("EUR", minor, Some(margin))] });
            let mut corrected = of(before);
            corrected.add(&Sums::corrected(euro, (before, Some(margin)), (after, Some(margin))));
            prop_assert_eq!(corrected.revenue(euro), of(after).revenue(euro));
            prop_assert_eq!(corrected.margin(euro), of(after).margin(euro));
            prop_assert_eq!(corrected.count(), 1);
            prop_assert_eq!(corrected.money[&euro].refunded_minor, before - after);
        }
    }

    #[test]
    fn a_margin_that_was_not_told_of_every_order_is_not_a_margin() {
        let euro = Currency::new("EUR").expect("valid");
        let told =
            Sums::of(&Outcome { orders: vec![order("EUR", 5_000, Some(1_500)), order("EUR", 1_000, Some(300))] });
        assert_eq!(told.margin(euro), Some(Moments { count: 1, sum: 1_800.0, squares: 1_800.0 * 1_800.0 }));
        let half = Sums::of(&Outcome { orders: vec![order("EUR", 5_000, Some(1_500)), order("EUR", 1_000, None)] });
        assert_eq!((half.margin(euro), half.revenue(euro).sum), (None, 6_000.0));
        let none = Sums::of(&Outcome::default());
        assert_eq!(
            (none.margin(euro), none.conversion()),
            (Some(Moments { count: 1, ..Moments::default() }), Moments::of_rate(1, 0))
        );
    }
}
