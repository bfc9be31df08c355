use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::{Spanned, Value};
use waver_core::session;
use waver_schema::{Currency, Locale};

use crate::amount::BudgetEntry;
use crate::check::Check;
use crate::locale::Tag;
use crate::offer::CheckedOffer;
use crate::problem::{Line, PolicyError};
use crate::schedule::ScheduleEntry;
use crate::stratum::{CheckedStratum, StratumEntry};
use crate::wording::TextEntry;
use crate::{Goal, MOST_BYTES, MOST_OFFERS};

/// A policy as the file has it, checked, its rules not yet compiled.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    pub(crate) kill_switch: bool,
    pub(crate) holdout_milli: u16,
    pub(crate) explore_milli: u16,
    pub(crate) goal: Goal,
    pub(crate) default_locale: Tag,
    pub(crate) strata: Vec<CheckedStratum>,
    pub(crate) offers: Vec<CheckedOffer>,
    /// What all of it says, line by line.
    pub(crate) explained: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    policy: Section,
    #[serde(default)]
    stratum: Vec<Spanned<StratumEntry>>,
    #[serde(default)]
    offer: Vec<Spanned<Entry>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Section {
    holdout: Option<Spanned<f64>>,
    #[serde(default)]
    kill_switch: bool,
    default_locale: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
    currency: Option<Spanned<String>>,
    explore: Option<Spanned<f64>>,
    goal: Option<Spanned<String>>,
}

/// What holds for every offer that does not say otherwise.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) holdout_milli: u16,
    pub(crate) zone: TimeZone,
    pub(crate) currency: Option<Currency>,
    pub(crate) default_locale: Option<Tag>,
}

/// An offer as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) id: Spanned<String>,
    pub(crate) slots: Spanned<Vec<Spanned<String>>>,
    pub(crate) kind: Spanned<String>,
    pub(crate) value: Option<Spanned<f64>>,
    pub(crate) currency: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) priority: i32,
    pub(crate) per_session: Option<Spanned<u32>>,
    pub(crate) per_visitor: Option<Spanned<u32>>,
    pub(crate) cooldown: Option<Spanned<String>>,
    pub(crate) expires_after: Option<Spanned<String>>,
    pub(crate) kill_switch: Option<Spanned<bool>>,
    pub(crate) learn: Option<Spanned<bool>>,
    pub(crate) holdout: Option<Spanned<f64>>,
    pub(crate) stacks_with: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) needs_stock: Option<bool>,
    pub(crate) reduction: Option<Spanned<bool>>,
    pub(crate) cost: Option<Spanned<Value>>,
    pub(crate) margin_floor: Option<Spanned<Value>>,
    pub(crate) schedule: Option<Spanned<ScheduleEntry>>,
    pub(crate) budget: Option<Spanned<BudgetEntry>>,
    pub(crate) when: Spanned<String>,
    pub(crate) text: BTreeMap<Spanned<String>, TextEntry>,
}

/// Reads and checks everything but the rules.
pub(crate) fn read(text: &str) -> Result<CheckedFile, PolicyError> {
    let mut check = Check::new(text);
    if text.len() > MOST_BYTES {
        check
            .problem(0..0, format!("the file has {} bytes, and {MOST_BYTES} are allowed; take offers out", text.len()));
        return Err(check.refuse());
    }
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            check.problem(error.span().unwrap_or(0..0), error.message().trim_end().to_owned());
            return Err(check.refuse());
        }
    };
    let checked = check.file(file);
    if check.is_clean() { Ok(checked) } else { Err(check.refuse()) }
}

impl Check<'_> {
    fn file(&mut self, file: File) -> CheckedFile {
        let policy = &file.policy;
        let shared = Shared {
            holdout_milli: policy.holdout.as_ref().map_or(100, |share| self.share("holdout", share)),
            zone: policy.time_zone.as_ref().map_or(TimeZone::UTC, |name| self.time_zone(name)),
            currency: policy.currency.as_ref().and_then(|code| self.currency(code)),
            default_locale: match &policy.default_locale {
                Some(tag) => self.tag(tag),
                None => Locale::parse("en").ok().map(|locale| Tag::of(&locale)),
            },
        };
        let explore_milli = policy.explore.as_ref().map_or(10, |share| self.share("explore", share));
        let goal = policy.goal.as_ref().map_or(Goal::Revenue, |name| self.goal(name));
        let at = policy.holdout.as_ref().map_or(0..0, Spanned::span);
        self.explain_policy(at, policy.kill_switch, &shared);
        let strata = self.strata(file.stratum);
        if file.offer.len() > MOST_OFFERS {
            let span = file.offer[MOST_OFFERS].span();
            self.problem(
                span,
                format!("this is offer {}, and {MOST_OFFERS} are allowed; take some out", MOST_OFFERS + 1),
            );
        }
        let mut names = BTreeSet::new();
        let mut beside: Vec<Spanned<String>> = Vec::new();
        let mut shown = 0_usize;
        let mut offers = Vec::new();
        for entry in file.offer {
            let span = entry.span();
            let entry = entry.into_inner();
            if !names.insert(entry.id.get_ref().clone()) {
                let message = format!("the id `{}` is there already; give every offer its own", entry.id.get_ref());
                self.problem(entry.id.span(), message);
            }
            shown += entry.per_session.as_ref().map_or(1, |count| *count.get_ref()) as usize;
            beside.extend(entry.stacks_with.iter().flat_map(|names| names.get_ref().iter().cloned()));
            offers.extend(self.offer(span, entry, &shared));
        }
        for name in beside.iter().filter(|name| !names.contains(name.get_ref())) {
            let message = format!("`stacks_with` names `{}`, and there is no such offer", name.get_ref());
            self.problem(name.span(), message);
        }
        if shown > session::MOST_OFFERS {
            let message = format!(
                "the offers together may be made {shown} times in one session, and {} are allowed; lower some `per_session`",
                session::MOST_OFFERS
            );
            self.problem(0..0, message);
        }
        CheckedFile {
            kill_switch: file.policy.kill_switch,
            holdout_milli: shared.holdout_milli,
            explore_milli,
            goal,
            default_locale: shared.default_locale.unwrap_or_default(),
            strata,
            offers,
            explained: self.explained(),
        }
    }

    fn goal(&mut self, name: &Spanned<String>) -> Goal {
        match name.get_ref().as_str() {
            "conversion" => Goal::Conversion,
            "revenue" => Goal::Revenue,
            "margin" => Goal::Margin,
            other => {
                self.problem(name.span(), format!("`goal` is one of conversion, revenue, margin; it is `{other}`"));
                Goal::Revenue
            }
        }
    }
}
