use waver_schema::Currency;

/// How much of an offer may be given in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// At most this many of `unit`.
    pub limit: u64,
    /// What is counted.
    pub unit: Unit,
    /// For how long.
    pub period: Period,
    /// What may be out at the start of the period, in thousandths of all; the rest comes evenly. `None`: all of it at once.
    pub head_start_milli: Option<u16>,
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Offers made.
    Offers,
    /// What they cost, in minor units of this currency.
    Minor(Currency),
}

/// What of a budget is there at some moment, and what one more offer would take of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// When the period began, Unix milliseconds; 0 for a budget without end.
    pub period: u64,
    /// Units that may be out or spent by now.
    pub allowed: u64,
    /// Units that the offer takes, at least 1.
    pub cost: u64,
}

/// When a budget begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// At midnight.
    Day,
    /// At midnight before a Monday (ISO 8601).
    Week,
    /// At midnight before the first of a month.
    Month,
    /// Never.
    Total,
}

/// A stretch of time, Unix milliseconds: from `from`, up to but without `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub from: u64,
    /// When it is over.
    pub until: u64,
}

impl Budget {
    /// What is there of it at `at` (Unix milliseconds), in the period `span`, for an offer that costs `cost` (minor units and their currency). An
    /// offer whose cost is not known finds nothing there, if it is money that is counted.
    pub fn allowance(&self, span: Span, at: u64, cost: Option<(u64, Currency)>) -> Allowance {
        let head_start = self.head_start_milli;
        let allowed = head_start.map_or(self.limit, |head_start| paced(self.limit, head_start, span, at));
        let nothing = Allowance { period: span.from, allowed: 0, cost: 1 };
        match self.unit {
            Unit::Offers => Allowance { allowed, ..nothing },
            Unit::Minor(currency) => match cost.filter(|(_, of)| *of == currency) {
                Some((cost, _)) => Allowance { allowed, cost: cost.max(1), ..nothing },
                None => nothing,
            },
        }
    }
}

/// What of `limit` may be out at `at`: the head start, and of the rest the share of `span` that is over. Whole numbers throughout, rounded
/// down, and never more than `limit`.
pub fn paced(limit: u64, head_start_milli: u16, span: Span, at: u64) -> u64 {
    let whole = u128::from(span.until.saturating_sub(span.from).max(1));
    let over = u128::from(at.saturating_sub(span.from)).min(whole);
    let head_start = u128::from(head_start_milli.min(1000));
    // limit * (head_start / 1000 + (1 - head_start / 1000) * over / whole). 64 + 10 + 41 bits at most, for spans below 70 years.
    let share = head_start * whole + (1000 - head_start) * over;
    let out = u128::from(limit).saturating_mul(share) / (1000 * whole);
    u64::try_from(out).unwrap_or(limit).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Span = Span { from: 1_000_000, until: 1_000_000 + 86_400_000 };

    #[test]
    fn a_budget_comes_out_evenly_after_its_head_start() {
        let hour = |hours: u64| DAY.from + hours * 3_600_000;
        assert_eq!([0, 6, 12, 24].map(|hours| paced(100, 0, DAY, hour(hours))), [0, 25, 50, 100]);
        assert_eq!([0, 6, 12, 24].map(|hours| paced(100, 200, DAY, hour(hours))), [20, 40, 60, 100]);
        assert_eq!([0, 23].map(|hours| paced(100, 1000, DAY, hour(hours))), [100, 100]);
        assert_eq!(paced(100, 0, DAY, 0), 0);
        assert_eq!(paced(u64::MAX, 999, DAY, u64::MAX), u64::MAX);
        assert_eq!(paced(7, 0, Span { from: 5, until: 5 }, 5), 0);
    }

    #[test]
    fn what_an_offer_takes_is_a_piece_or_what_it_costs() {
        let currency = |code| Currency::new(code).expect("a code");
        let euros = Some((250, currency("EUR")));
        let budget = Budget { limit: 900, unit: Unit::Offers, period: Period::Day, head_start_milli: None };
        let allowance = |allowed, cost| Allowance { period: DAY.from, allowed, cost };
        assert_eq!(budget.allowance(DAY, DAY.from, None), allowance(900, 1), "not paced: all of it is there at once");
        let money = Budget { unit: Unit::Minor(currency("EUR")), head_start_milli: Some(100), ..budget };
        assert_eq!(money.allowance(DAY, DAY.from, euros), allowance(90, 250));
        assert_eq!(money.allowance(DAY, DAY.until, Some((0, currency("EUR")))), allowance(900, 1));
        assert_eq!(money.allowance(DAY, DAY.until, Some((250, currency("USD")))), allowance(0, 1));
        assert_eq!(money.allowance(DAY, DAY.until, None), allowance(0, 1));
    }
}
