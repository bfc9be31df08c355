use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;
use waver_schema::StratumName;

use crate::MOST_STRATA;
use crate::check::Check;

/// A kind of shopper that is learned of apart, as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StratumEntry {
    id: Spanned<String>,
    when: Spanned<String>,
}

/// The same, its rule not yet compiled.
#[derive(Debug)]
pub(crate) struct CheckedStratum {
    pub(crate) name: StratumName,
    pub(crate) when: String,
    pub(crate) when_line: usize,
}

impl Check<'_> {
    pub(crate) fn strata(&mut self, entries: Vec<Spanned<StratumEntry>>) -> Vec<CheckedStratum> {
        if let Some(beyond) = entries.get(MOST_STRATA) {
            let message = format!("this is stratum {}, and {MOST_STRATA} are allowed; take some out", MOST_STRATA + 1);
            self.problem(beyond.span(), message);
        }
        let mut names = BTreeSet::new();
        let mut strata = Vec::new();
        for StratumEntry { id, when } in entries.into_iter().map(Spanned::into_inner) {
            let named = StratumName::parse(id.get_ref()).ok().filter(|name| *name != StratumName::rest());
            let Some(name) = named else {
                let message = format!(
                    "`id` is 1 to 32 characters out of a-z, 0-9, `-` and `_`, and not `rest`; it is `{}`",
                    id.get_ref()
                );
                self.problem(id.span(), message);
                continue;
            };
            if !names.insert(name.clone()) {
                let message = format!("the stratum `{}` is there already; give each its own name", name.as_str());
                self.problem(id.span(), message);
            }
            self.explain(
                id.span(),
                format!("stratum `{}`: learned of apart, where its rule holds and none before it", name.as_str()),
            );
            strata.push(CheckedStratum { name, when_line: self.line(&when.span()), when: when.into_inner() });
        }
        strata
    }
}
