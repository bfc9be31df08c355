//! The US Privacy string: `__uspapi`. Out of use since 2024, and still on pages. It can only veto, and of measuring it says nothing.

use js_sys::{Array, Function};
use wasm_bindgen::JsCast;
use waver_core::consent::Reading;
use waver_schema::ConsentChoice;

use super::asker::Asker;
use crate::{page, value};

const VERSION: u8 = 1;

/// What it says now; `None` where it is not on the page.
pub(super) fn read(asker: &Asker) -> Option<Reading> {
    let api: Function = value::get(&page::global(), "__uspapi").dyn_into().ok()?;
    let data = asker.ask(&api, |callback| Array::of3(&"getUSPData".into(), &VERSION.into(), callback));
    let personalize = match data.and_then(|data| value::text(&data, "uspString")) {
        Some(string) if opted_out(&string) => Some(ConsentChoice::Denied),
        Some(_) => None,
        None => Some(ConsentChoice::Unknown),
    };
    Some(Reading { personalize, ..Reading::SILENT })
}

/// Whether the string says so: the version, whether a notice was given, whether the sale was opted out of, and whose agreement covers it.
pub(super) fn opted_out(string: &str) -> bool {
    string.len() == 4 && string.as_bytes()[2].eq_ignore_ascii_case(&b'Y')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_third_letter_opts_out() {
        assert!(opted_out("1YYN") && opted_out("1yyn"));
        for other in ["1YNN", "1---", "1NNY", "1YY", "", "YYYYY"] {
            assert!(!opted_out(other), "{other}");
        }
    }
}
