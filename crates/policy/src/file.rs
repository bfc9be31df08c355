use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;
use waver_core::session;
use waver_schema::Locale;

use crate::check::Check;
use crate::locale::Tag;
use crate::offer::CheckedOffer;
use crate::problem::PolicyError;
use crate::wording::TextEntry;
use crate::{MOST_BYTES, MOST_OFFERS};

/// A policy as the file has it, checked, its rules not yet compiled.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    pub(crate) kill_switch: bool,
    pub(crate) holdout_milli: u16,
    pub(crate) default_locale: Tag,
    pub(crate) offers: Vec<CheckedOffer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    policy: Section,
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
        let default_locale = match &file.policy.default_locale {
            Some(tag) => self.tag(tag),
            None => Locale::parse("en").ok().map(|locale| Tag::of(&locale)),
        };
        let holdout_milli = file.policy.holdout.map_or(100, |share| self.holdout(&share));
        if file.offer.len() > MOST_OFFERS {
            let span = file.offer[MOST_OFFERS].span();
            self.problem(
                span,
                format!("this is offer {}, and {MOST_OFFERS} are allowed; take some out", MOST_OFFERS + 1),
            );
        }
        let mut names = BTreeSet::new();
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
            offers.extend(self.offer(span, entry, default_locale.as_ref()));
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
            holdout_milli,
            default_locale: default_locale.unwrap_or_default(),
            offers,
        }
    }

    fn holdout(&mut self, share: &Spanned<f64>) -> u16 {
        let milli = *share.get_ref() * 1000.0;
        if !(0.0..=1000.0).contains(&milli) || (milli - milli.round()).abs() > 1e-9 {
            let message =
                format!("`holdout` is a share from 0 to 1 in steps of 0.001, such as 0.10; it is {}", share.get_ref());
            self.problem(share.span(), message);
        }
        // In range, or refused just above.
        milli.round() as u16
    }
}
