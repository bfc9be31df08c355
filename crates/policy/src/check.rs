use std::ops::Range;

use toml::Spanned;
use waver_core::decision::{Period, Terms, is_monetary};
use waver_schema::{Currency, OfferId, OfferKind, SlotName, limits};

use crate::amount::{CostEntry, Costs};
use crate::explain::Said;
use crate::file::{Entry, Shared};
use crate::money::{minor_digits, to_minor};
use crate::offer::{CheckedOffer, Definition};
use crate::problem::{Line, PolicyError, Problem};

const MINUTE_MS: u64 = 60 * 1000;

/// Collects problems while it goes through a file. Where something is wrong a stand-in is used, which no one sees, since the file is refused.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    explained: Vec<Line>,
}

impl<'a> Check<'a> {
    pub(crate) fn new(text: &'a str) -> Check<'a> {
        Check { text, problems: Vec::new(), explained: Vec::new() }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// What was found, in the order of the file.
    pub(crate) fn refuse(mut self) -> PolicyError {
        self.problems.sort_by_key(|problem| problem.line);
        PolicyError { problems: self.problems }
    }

    /// What the file says, in its order.
    pub(crate) fn explained(&mut self) -> Vec<Line> {
        self.explained.sort_by_key(|line| line.line);
        std::mem::take(&mut self.explained)
    }

    /// What is said at this place.
    pub(crate) fn explain(&mut self, span: Range<usize>, message: String) {
        let line = self.line(&span);
        self.explained.push(Line { line, message });
    }

    /// Something is wrong at this place.
    pub(crate) fn problem(&mut self, span: Range<usize>, message: String) {
        let line = self.line(&span);
        self.problems.push(Problem { line, message });
    }

    pub(crate) fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// One offer; `None` where it is too wrong to go on with.
    pub(crate) fn offer(&mut self, span: Range<usize>, entry: Entry, shared: &Shared) -> Option<CheckedOffer> {
        let id = self.id(&entry.id);
        let slots = self.slots(&entry.slots);
        let kind = self.kind(&entry.kind)?;
        let schedule = self.schedule(entry.schedule.as_ref(), &shared.zone);
        let (value, value_in) = self.value(&span, kind, &entry);
        let currency = value_in.or(entry.currency.as_ref().and_then(|code| Currency::new(code.get_ref()).ok()));
        let costs = CostEntry {
            cost: entry.cost.as_ref(),
            margin_floor: entry.margin_floor.as_ref(),
            budget: entry.budget.as_ref(),
            currency: currency.or(shared.currency),
        };
        let Costs { cost, margin_floor, budget } = self.costs(kind, (value, value_in), &costs);
        if let Some(even) = entry.budget.as_ref().filter(|_| {
            let is_total = |budget: waver_core::decision::Budget| budget.period == Period::Total;
            budget.is_some_and(|budget| is_total(budget) && budget.head_start_milli.is_some()) && !schedule.has_end()
        }) {
            let message = "`pacing` of a budget without end needs `from` and `until` in the offer's `schedule`".into();
            self.problem(even.span(), message);
        }
        let per_session = entry.per_session.as_ref().map_or(1, |count| self.at_least_once("per_session", count));
        let per_visitor = entry.per_visitor.as_ref().map(|count| self.at_least_once("per_visitor", count));
        let cooldown_ms = self.duration("cooldown", entry.cooldown.as_ref(), 10 * MINUTE_MS, 0);
        let expires_after_ms = self.duration("expires_after", entry.expires_after.as_ref(), 30 * MINUTE_MS, MINUTE_MS);
        let holdout_milli = entry.holdout.as_ref().map_or(shared.holdout_milli, |share| self.share("holdout", share));
        let stacks_with = Self::stacks_with(entry.stacks_with.as_ref());
        let (texts, claims_reduction) = self.texts(&span, kind, value, &entry, shared.default_locale.as_ref());
        let terms = Terms {
            is_off: entry.kill_switch.as_ref().is_some_and(|switch| *switch.get_ref()),
            priority: entry.priority,
            learn: entry.learn.as_ref().is_some_and(|learn| *learn.get_ref()),
            per_session,
            per_visitor,
            cooldown_ms,
            holdout_milli,
            stacks_with,
            needs_stock: entry.needs_stock.unwrap_or(is_monetary(kind)),
            cost,
            margin_floor,
            claims_reduction,
            budget,
            ..Terms::new(id?, slots, kind)
        };
        let definition = Definition { value, currency: value_in, expires_after_ms, schedule, texts };
        self.explain_offer(&Said { offer: span, entry: &entry, terms: &terms, definition: &definition });
        Some(CheckedOffer {
            terms,
            definition,
            when_line: self.line(&entry.when.span()),
            when: entry.when.into_inner(),
        })
    }

    fn at_least_once(&mut self, name: &str, count: &Spanned<u32>) -> u32 {
        if *count.get_ref() == 0 {
            let message = format!("`{name}` is at least 1; to switch the offer off, set `kill_switch = true`");
            self.problem(count.span(), message);
        }
        *count.get_ref()
    }

    /// The names of other offers. Whether there are such is known only once all of them are read.
    fn stacks_with(names: Option<&Spanned<Vec<Spanned<String>>>>) -> Vec<OfferId> {
        names
            .map(Spanned::get_ref)
            .into_iter()
            .flatten()
            .filter_map(|name| OfferId::parse(name.get_ref()).ok())
            .collect()
    }

    /// A share such as 0.10 in thousandths.
    pub(crate) fn share(&mut self, key: &str, share: &Spanned<f64>) -> u16 {
        let milli = *share.get_ref() * 1000.0;
        if !(0.0..=1000.0).contains(&milli) || (milli - milli.round()).abs() > 1e-9 {
            let message =
                format!("`{key}` is a share from 0 to 1 in steps of 0.001, such as 0.10; it is {}", share.get_ref());
            self.problem(share.span(), message);
        }
        // In range, or refused just above.
        milli.round() as u16
    }

    fn id(&mut self, id: &Spanned<String>) -> Option<OfferId> {
        let parsed = OfferId::parse(id.get_ref()).ok();
        if parsed.is_none() {
            let message = format!("`id` is 1 to 32 characters out of a-z, 0-9, `-` and `_`; it is `{}`", id.get_ref());
            self.problem(id.span(), message);
        }
        parsed
    }

    fn slots(&mut self, slots: &Spanned<Vec<Spanned<String>>>) -> Vec<SlotName> {
        if slots.get_ref().is_empty() {
            self.problem(slots.span(), "`slots` is empty; name a `data-waver-slot` of the shop's pages".into());
        }
        let mut names = Vec::new();
        for slot in slots.get_ref() {
            match SlotName::parse(slot.get_ref()) {
                Ok(name) => names.push(name),
                Err(_) => {
                    let message = format!(
                        "a slot is 1 to 32 characters out of a-z, 0-9, `-` and `_`; it is `{}`",
                        slot.get_ref()
                    );
                    self.problem(slot.span(), message);
                }
            }
        }
        names
    }

    fn kind(&mut self, kind: &Spanned<String>) -> Option<OfferKind> {
        let parsed = OfferKind::from_name(kind.get_ref());
        if parsed.is_none() {
            let known: Vec<&str> = OfferKind::ALL.iter().map(|kind| kind.as_str()).collect();
            self.problem(kind.span(), format!("`kind` is one of {}; it is `{}`", known.join(", "), kind.get_ref()));
        }
        parsed
    }

    fn value(&mut self, offer: &Range<usize>, kind: OfferKind, entry: &Entry) -> (u32, Option<Currency>) {
        let (value, currency) = (entry.value.as_ref(), entry.currency.as_ref());
        let has_cost = entry.cost.is_some() || entry.margin_floor.is_some() || entry.budget.is_some();
        if let Some(currency) = currency.filter(|_| kind != OfferKind::Amount && !has_cost) {
            let message =
                format!("`currency` goes with kind `amount` and with costs only, not with `{}` alone", kind.as_str());
            self.problem(currency.span(), message);
        }
        match (kind, value) {
            (OfferKind::Percent, Some(value)) => (self.percent(value), None),
            (OfferKind::Amount, Some(value)) => self.amount(offer, value, currency),
            (OfferKind::Percent, None) => {
                self.problem(offer.clone(), "a `percent` offer needs `value`, a whole number from 1 to 100".into());
                (0, None)
            }
            (OfferKind::Amount, None) => {
                self.problem(
                    offer.clone(),
                    "an `amount` offer needs `value` and `currency`, such as 5 and \"EUR\"".into(),
                );
                (0, None)
            }
            (_, Some(value)) => {
                self.problem(value.span(), format!("an offer of kind `{}` has no `value`; take it out", kind.as_str()));
                (0, None)
            }
            (_, None) => (0, None),
        }
    }

    fn percent(&mut self, value: &Spanned<f64>) -> u32 {
        let percent = *value.get_ref();
        if !(1.0..=100.0).contains(&percent) || percent.fract() != 0.0 {
            self.problem(
                value.span(),
                format!("`value` of a `percent` offer is a whole number from 1 to 100; it is {percent}"),
            );
        }
        // In range, or refused just above.
        percent as u32
    }

    fn amount(
        &mut self,
        offer: &Range<usize>,
        value: &Spanned<f64>,
        currency: Option<&Spanned<String>>,
    ) -> (u32, Option<Currency>) {
        let Some(code) = currency else {
            self.problem(
                offer.clone(),
                "an `amount` offer needs `currency`, three capital letters such as \"EUR\"".into(),
            );
            return (0, None);
        };
        let Some(currency) = self.currency(code) else { return (0, None) };
        let minor = to_minor(*value.get_ref(), currency);
        if minor.is_none() {
            let message = format!(
                "`value` of an `amount` offer is as on a price tag: above 0, with at most {} decimals for {}; it is {}",
                minor_digits(currency),
                currency.as_str(),
                value.get_ref()
            );
            self.problem(value.span(), message);
        }
        (minor.unwrap_or(0), Some(currency))
    }

    pub(crate) fn currency(&mut self, code: &Spanned<String>) -> Option<Currency> {
        let currency = Currency::new(code.get_ref()).ok();
        if currency.is_none() {
            let message = format!("`currency` is three capital letters (ISO 4217); it is `{}`", code.get_ref());
            self.problem(code.span(), message);
        }
        currency
    }

    fn duration(&mut self, key: &str, text: Option<&Spanned<String>>, default_ms: u64, least_ms: u64) -> u64 {
        let Some(text) = text else { return default_ms };
        let parsed = humantime::parse_duration(text.get_ref())
            .ok()
            .and_then(|duration| u64::try_from(duration.as_millis()).ok());
        match parsed.filter(|ms| (least_ms..=limits::SESSION_MAX_MS).contains(ms)) {
            Some(ms) => ms,
            None => {
                let least = if least_ms == 0 { "0s" } else { "1m" };
                let message = format!(
                    "`{key}` is a time with its unit from {least} to 24h, such as \"10m\" or \"1h 30m\"; it is `{}`",
                    text.get_ref()
                );
                self.problem(text.span(), message);
                default_ms
            }
        }
    }
}
