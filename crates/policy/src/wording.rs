use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use waver_schema::{Locale, OfferKind};

use waver_core::decision::is_monetary;

use crate::check::Check;
use crate::file::Entry;
use crate::locale::Tag;
use crate::offer::{PRIOR_PRICE, Text};
use crate::price::MOST_PRICE_CHARS;

/// Most characters of an offer's text and of its disclosure.
const MOST_TEXT_CHARS: usize = 240;
/// Most characters of a button's label.
const MOST_LABEL_CHARS: usize = 40;

/// The texts of an offer in one locale, as the file has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextEntry {
    text: Spanned<String>,
    disclosure: Option<Spanned<String>>,
    accept: Spanned<String>,
    dismiss: Spanned<String>,
}

impl Check<'_> {
    /// The texts of an offer by locale, and whether they claim a reduction.
    pub(crate) fn texts(
        &mut self,
        offer: &Range<usize>,
        kind: OfferKind,
        value: u32,
        entry: &Entry,
        default_locale: Option<&Tag>,
    ) -> (BTreeMap<Tag, Text>, bool) {
        let names_prior_price = |text: &TextEntry| text.text.get_ref().contains(PRIOR_PRICE);
        let claims_reduction = entry.reduction.as_ref().is_some_and(|claims| *claims.get_ref())
            || entry.text.values().any(names_prior_price);
        let mut texts = BTreeMap::new();
        for (name, entry) in &entry.text {
            if claims_reduction && !names_prior_price(entry) {
                let message = "a reduction is claimed, so the text must name the lowest price of the last 30 days: add `{prior_price}`";
                self.problem(entry.text.span(), message.into());
            }
            let Some(tag) = self.tag(name) else { continue };
            let text = self.text(name, kind, value, entry);
            if texts.insert(tag, text).is_some() {
                let message =
                    format!("there is a text in `{}` already, spelled otherwise; take one out", name.get_ref());
                self.problem(name.span(), message);
            }
        }
        if let Some(default) = default_locale.filter(|default| !texts.contains_key(default)) {
            self.problem(
                offer.clone(),
                format!("there is no text in the default locale; add [offer.text.{}]", default.as_str()),
            );
        }
        (texts, claims_reduction)
    }

    /// A language tag.
    pub(crate) fn tag(&mut self, name: &Spanned<String>) -> Option<Tag> {
        let locale = Locale::parse(name.get_ref()).ok();
        if locale.is_none() {
            let message = format!("a locale is a language tag such as en or en-GB; it is `{}`", name.get_ref());
            self.problem(name.span(), message);
        }
        locale.as_ref().map(Tag::of)
    }

    fn text(&mut self, name: &Spanned<String>, kind: OfferKind, value: u32, entry: &TextEntry) -> Text {
        if kind == OfferKind::Percent && !promises(entry.text.get_ref(), value) {
            let message =
                format!("the text promises another percentage than `value`, which is {value}; make them agree");
            self.problem(entry.text.span(), message);
        }
        let disclosure =
            entry.disclosure.as_ref().map(|disclosure| self.words("disclosure", disclosure, MOST_TEXT_CHARS));
        if disclosure.is_none() && is_monetary(kind) {
            let message = format!(
                "an offer of kind `{}` changes what the shopper pays, so it must say that it was personalised by an automated decision; add `disclosure`",
                kind.as_str()
            );
            self.problem(name.span(), message);
        }
        Text {
            text: self.words("text", &entry.text, MOST_TEXT_CHARS),
            disclosure: disclosure.unwrap_or_default(),
            accept: self.words("accept", &entry.accept, MOST_LABEL_CHARS),
            dismiss: self.words("dismiss", &entry.dismiss, MOST_LABEL_CHARS),
        }
    }

    /// Words for the shopper: there are some, not too many, on one line.
    fn words(&mut self, key: &str, words: &Spanned<String>, most_chars: usize) -> String {
        let span = words.span();
        let words = words.get_ref().clone();
        // A price takes the place of its name.
        let prices = if key == "text" { words.matches(PRIOR_PRICE).count() } else { 0 };
        let chars = words.chars().count() - prices * PRIOR_PRICE.len() + prices * MOST_PRICE_CHARS;
        if words.trim().is_empty() {
            self.problem(span, format!("`{key}` is empty; say something"));
        } else if chars > most_chars {
            self.problem(span, format!("`{key}` has {chars} characters, and {most_chars} fit; say it shorter"));
        } else if words.chars().any(char::is_control) {
            self.problem(span, format!("`{key}` has a line break or another control character; write it on one line"));
        } else if words.replace(if prices > 0 { PRIOR_PRICE } else { "\n" }, "").contains(['{', '}']) {
            self.problem(
                span,
                format!("`{key}` has a brace, and the only name in braces is `{PRIOR_PRICE}`, in `text`"),
            );
        }
        words
    }
}

/// Whether `text` either names no percentage or, among others, `value`.
fn promises(text: &str, value: u32) -> bool {
    let mut percentages = text.match_indices('%').filter_map(|(end, _)| {
        let before = text[..end].trim_end();
        let digits = before
            .rfind(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')
            .map_or(before, |at| &before[at + before[at..].chars().next().map_or(0, char::len_utf8)..]);
        digits.replace(',', ".").parse::<f64>().ok()
    });
    let Some(first) = percentages.next() else { return true };
    std::iter::once(first).chain(percentages).any(|percentage| percentage == f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_not_promise_another_percentage() {
        for honest in
            ["10 % off", "10% off", "Take 10\u{a0}% off wool of 100 %", "A tenth off", "um 10 % günstiger", "%"]
        {
            assert!(promises(honest, 10), "{honest}");
        }
        for wrong in ["15 % off", "up to 70%", "10,5 % off", "€9.5 %"] {
            assert!(!promises(wrong, 10), "{wrong}");
        }
    }
}
