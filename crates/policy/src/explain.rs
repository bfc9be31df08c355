//! What a file says, in sentences: of each offer when it is made, to whom, how often, at what cost, and until when it holds.

use std::ops::Range;

use waver_core::decision::{Amount, Budget, Period, Terms, Unit};
use waver_schema::OfferKind;

use crate::check::Check;
use crate::file::{Entry, Shared};
use crate::offer::Definition;
use crate::price::written;

/// An offer and what of it is to be explained.
pub(crate) struct Said<'a> {
    pub(crate) offer: Range<usize>,
    pub(crate) entry: &'a Entry,
    pub(crate) terms: &'a Terms,
    pub(crate) definition: &'a Definition,
}

impl Check<'_> {
    /// What holds for the whole file, said at its holdout or at its first line.
    pub(crate) fn explain_policy(&mut self, at: Range<usize>, kill_switch: bool, shared: &Shared) {
        if kill_switch {
            self.explain(at.clone(), "the kill switch is on: nothing is offered to anybody".into());
        }
        let zone = shared.zone.iana_name().unwrap_or("UTC");
        let held_out = match shared.holdout_milli {
            0 => "no session is held out, so that nobody will know what the offers are worth".to_owned(),
            milli => format!("{} of sessions are held out, wherever an offer does not say otherwise", share(milli)),
        };
        self.explain(at, format!("{held_out}; clocks are those of {zone}"));
    }

    /// An offer, each sentence at the line that it comes from, or at the offer's first.
    pub(crate) fn explain_offer(&mut self, said: &Said<'_>) {
        let Said { offer, entry, terms, definition } = said;
        let at = |span: Option<Range<usize>>| span.unwrap_or_else(|| offer.clone());
        let named = |what: &str| format!("offer `{}`: {what}", terms.id.as_str());
        let off = if terms.is_off { "; switched off" } else { "" };
        let slots = terms.slots.iter().map(|slot| slot.as_str()).collect::<Vec<_>>().join(" or ");
        self.explain(offer.clone(), named(&format!("{} in {slots}{off}", gives(terms, definition))));

        let schedule = entry.schedule.as_ref().map(toml::Spanned::span);
        self.explain(at(schedule), named(&format!("when: {}", definition.schedule.said())));
        self.explain(entry.when.span(), named(&format!("to whom: {}", to_whom(terms))));
        self.explain(at(entry.per_session.as_ref().map(toml::Spanned::span)), named(&how_often(terms)));
        let costs = entry.margin_floor.as_ref().or(entry.cost.as_ref()).map(toml::Spanned::span);
        self.explain(at(costs), named(&format!("at what cost: {}", at_what_cost(terms))));
        if let (Some(budget), Some(entry)) = (&terms.budget, &entry.budget) {
            self.explain(entry.span(), named(&format!("budget: {}", of_budget(budget))));
        }
        let ends = format!("until when: {} after it was made", duration(definition.expires_after_ms));
        let latest =
            if definition.schedule.until().is_some() { ", and at the latest when its schedule is over" } else { "" };
        self.explain(at(entry.expires_after.as_ref().map(toml::Spanned::span)), named(&format!("{ends}{latest}")));
        if terms.claims_reduction {
            let message =
                "claims a reduction: only for a product whose lowest price of the last 30 days is in the catalogue";
            self.explain(at(entry.reduction.as_ref().map(toml::Spanned::span)), named(message));
        }
    }
}

fn gives(terms: &Terms, definition: &Definition) -> String {
    match (terms.kind, definition.currency) {
        (OfferKind::Percent, _) => format!("{} % off", definition.value),
        (OfferKind::Amount, Some(currency)) => format!("{} off", written(definition.value, currency, "en")),
        (OfferKind::Amount, None) => "an amount off".into(),
        (OfferKind::FreeShipping, _) => "free shipping".into(),
        (OfferKind::Gift, _) => "a gift".into(),
        (OfferKind::Message, _) => "a message".into(),
        (OfferKind::Help, _) => "help".into(),
    }
}

fn to_whom(terms: &Terms) -> String {
    let mut said = vec!["who agreed to it, has not bought, is not about to, and for whom the rule holds".to_owned()];
    said.push(match terms.kind {
        OfferKind::Help => "also to the frustrated".into(),
        _ => "not to the frustrated".into(),
    });
    if terms.needs_stock {
        said.push("not for what is out of stock".into());
    }
    if terms.learn {
        said.push("chosen by what was learned, doing nothing included".into());
    } else {
        said.push(format!("priority {}", terms.priority));
    }
    said.push(match terms.holdout_milli {
        0 => "nobody held out".into(),
        milli => format!("{} held out", share(milli)),
    });
    said.join("; ")
}

fn how_often(terms: &Terms) -> String {
    let times = |count: u32| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let mut said = format!("how often: {} in a session", times(terms.per_session));
    if let Some(count) = terms.per_visitor {
        said += &format!(", {} to a browser", times(count));
    }
    said += &format!(", {} after any other", duration(terms.cooldown_ms));
    if !terms.stacks_with.is_empty() {
        let names = terms.stacks_with.iter().map(|offer| format!("`{}`", offer.as_str())).collect::<Vec<_>>();
        said += &format!(", also beside {}", names.join(", "));
    }
    said
}

fn at_what_cost(terms: &Terms) -> String {
    let cost = terms.cost.map_or("not known".into(), amount);
    match terms.margin_floor {
        None => cost,
        Some(floor) => format!("{cost}, if at least {} of margin is left", amount(floor)),
    }
}

fn amount(amount: Amount) -> String {
    match amount {
        Amount::Fixed { minor, currency } => written(minor, currency, "en"),
        Amount::Share(milli) => format!("{} of the cart, or of the product while it is empty", share(milli)),
    }
}

fn of_budget(budget: &Budget) -> String {
    let limit = match budget.unit {
        Unit::Offers => format!("{} offers", budget.limit),
        Unit::Minor(currency) => written(u32::try_from(budget.limit).unwrap_or(u32::MAX), currency, "en"),
    };
    let period = match budget.period {
        Period::Day => "a day",
        Period::Week => "a week",
        Period::Month => "a month",
        Period::Total => "in all",
    };
    match budget.head_start_milli {
        None => format!("{limit} {period}"),
        Some(milli) => format!("{limit} {period}, {} of it at once and the rest evenly", share(milli)),
    }
}

fn share(milli: u16) -> String {
    format!("{} %", f64::from(milli) / 10.0)
}

fn duration(ms: u64) -> String {
    humantime::format_duration(std::time::Duration::from_millis(ms)).to_string()
}
