use std::ops::Range;

use serde::Deserialize;
use toml::{Spanned, Value};
use waver_core::decision::{Amount, Budget, Period, Unit};
use waver_schema::{Currency, OfferKind};

use crate::check::Check;
use crate::money::{minor_digits, to_minor};

/// What may be out at the start of a period, if the file says nothing else: a tenth.
const HEAD_START_MILLI: u16 = 100;

/// How much of an offer may be given, as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BudgetEntry {
    offers: Option<Spanned<u64>>,
    money: Option<Spanned<f64>>,
    per: Spanned<String>,
    pacing: Option<Spanned<String>>,
    head_start: Option<Spanned<f64>>,
}

/// What an offer costs the shop, as the file has it.
pub(crate) struct Costs {
    /// What one of it costs.
    pub(crate) cost: Option<Amount>,
    /// What has to be left of the margin after that.
    pub(crate) margin_floor: Option<Amount>,
    /// How much of it may be given.
    pub(crate) budget: Option<Budget>,
}

/// What of an offer its costs follow from.
pub(crate) struct CostEntry<'a> {
    pub(crate) cost: Option<&'a Spanned<Value>>,
    pub(crate) margin_floor: Option<&'a Spanned<Value>>,
    pub(crate) budget: Option<&'a Spanned<BudgetEntry>>,
    /// That of the offer, or of the file.
    pub(crate) currency: Option<Currency>,
}

impl Check<'_> {
    /// What an offer costs: by itself, unless the file says otherwise.
    pub(crate) fn costs(
        &mut self,
        kind: OfferKind,
        (value, value_in): (u32, Option<Currency>),
        entry: &CostEntry<'_>,
    ) -> Costs {
        let by_itself = match (kind, value_in) {
            (OfferKind::Percent, _) => u16::try_from(value * 10).ok().map(Amount::Share),
            (OfferKind::Amount, Some(currency)) => Some(Amount::Fixed { minor: value, currency }),
            _ => None,
        };
        let mut amount =
            |key, written: Option<&Spanned<Value>>| written.and_then(|written| self.sum(key, written, entry.currency));
        let cost = amount("cost", entry.cost).or(by_itself);
        let margin_floor = amount("margin_floor", entry.margin_floor);
        if let Some(floor) = entry.margin_floor.filter(|_| cost.is_none() && entry.cost.is_none()) {
            self.problem(
                floor.span(),
                "`margin_floor` needs `cost`: what of the margin does one of this offer take?".into(),
            );
        }
        let budget = entry.budget.and_then(|budget| self.budget(budget, entry, cost.is_some()));
        Costs { cost, margin_floor, budget }
    }

    /// A sum as on a price tag, or a percentage of what is at stake.
    fn sum(&mut self, key: &str, written: &Spanned<Value>, currency: Option<Currency>) -> Option<Amount> {
        let major = match written.get_ref() {
            Value::String(text) => {
                let share = percentage(text);
                if share.is_none() {
                    let message =
                        format!("`{key}` is a sum such as 4.90 or a percentage such as \"12.5%\"; it is `{text}`");
                    self.problem(written.span(), message);
                }
                return share.map(Amount::Share);
            }
            Value::Integer(whole) => *whole as f64,
            Value::Float(major) => *major,
            _ => {
                self.problem(
                    written.span(),
                    format!("`{key}` is a sum such as 4.90 or a percentage such as \"12.5%\""),
                );
                return None;
            }
        };
        let currency = self.currency_of(key, written.span(), currency)?;
        let minor = if major == 0.0 { Some(0) } else { to_minor(major, currency) };
        if minor.is_none() {
            let decimals = minor_digits(currency);
            let message = format!(
                "`{key}` is as on a price tag: 0 or more, with at most {decimals} decimals for {}; it is {major}",
                currency.as_str()
            );
            self.problem(written.span(), message);
        }
        minor.map(|minor| Amount::Fixed { minor, currency })
    }

    fn currency_of(&mut self, key: &str, span: Range<usize>, currency: Option<Currency>) -> Option<Currency> {
        if currency.is_none() {
            self.problem(span, format!("`{key}` is a sum of which currency? Add `currency = \"EUR\"` to [policy]"));
        }
        currency
    }

    fn budget(&mut self, spanned: &Spanned<BudgetEntry>, entry: &CostEntry<'_>, has_cost: bool) -> Option<Budget> {
        let budget = spanned.get_ref();
        let (limit, unit) = match (&budget.offers, &budget.money) {
            (Some(offers), None) => {
                if *offers.get_ref() == 0 {
                    let message = "`offers` is at least 1; to switch the offer off, set `kill_switch = true`".into();
                    self.problem(offers.span(), message);
                }
                (*offers.get_ref(), Unit::Offers)
            }
            (None, Some(money)) => {
                let currency = self.currency_of("money", money.span(), entry.currency)?;
                if !has_cost {
                    let message = "a budget of money needs `cost`: what does one of this offer take of it?".into();
                    self.problem(money.span(), message);
                }
                let minor = to_minor(*money.get_ref(), currency);
                if minor.is_none() {
                    let message = format!(
                        "`money` is as on a price tag: above 0, with at most {} decimals for {}; it is {}",
                        minor_digits(currency),
                        currency.as_str(),
                        money.get_ref()
                    );
                    self.problem(money.span(), message);
                }
                (minor?.into(), Unit::Minor(currency))
            }
            _ => {
                self.problem(spanned.span(), "a budget counts either `offers` or `money`; say one of them".into());
                return None;
            }
        };
        let period = match budget.per.get_ref().as_str() {
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Month,
            "total" => Period::Total,
            other => {
                let message = format!("`per` is one of day, week, month, total; it is `{other}`");
                self.problem(budget.per.span(), message);
                return None;
            }
        };
        Some(Budget { limit, unit, period, head_start_milli: self.pacing(budget) })
    }

    fn pacing(&mut self, budget: &BudgetEntry) -> Option<u16> {
        let head_start = budget.head_start.as_ref().map(|share| self.share("head_start", share));
        match budget.pacing.as_ref().map(|pacing| (pacing.get_ref().as_str(), pacing.span())) {
            Some(("even", _)) => Some(head_start.unwrap_or(HEAD_START_MILLI)),
            Some(("none", _)) | None => {
                if let Some(share) = &budget.head_start {
                    self.problem(share.span(), "`head_start` goes with `pacing = \"even\"` only".into());
                }
                None
            }
            Some((other, span)) => {
                self.problem(span, format!("`pacing` is one of none, even; it is `{other}`"));
                None
            }
        }
    }
}

/// A percentage such as `12.5%` in thousandths, 0 to 1000.
fn percentage(text: &str) -> Option<u16> {
    let number: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
    let milli = number * 10.0;
    // In range.
    ((0.0..=1000.0).contains(&milli) && (milli - milli.round()).abs() < 1e-9).then_some(milli.round() as u16)
}
