use std::collections::BTreeMap;

use waver_schema::Locale;

use crate::offer::Text;

/// A language tag in lower case, since `de-AT` and `de-at` are the same (BCP 47, section 2.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(String);

impl Tag {
    pub(crate) fn of(locale: &Locale) -> Tag {
        Tag(locale.as_str().to_ascii_lowercase())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text for `wanted`, and its locale: in exactly that locale, else in its language, else in `default`.
pub(crate) fn negotiate<'a>(
    texts: &'a BTreeMap<Tag, Text>,
    wanted: Option<&Locale>,
    default: &Tag,
) -> Option<(&'a Tag, &'a Text)> {
    let exact = || texts.get_key_value(&Tag::of(wanted?));
    let language = || texts.get_key_value(&Tag(wanted?.language().to_ascii_lowercase()));
    exact().or_else(language).or_else(|| texts.get_key_value(default))
}
