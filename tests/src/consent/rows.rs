//! The rows of the table: what is required, of which tools, in which browsers, and the function that tries it.
//!
//! A function of a row gives a remark for the table, often an empty one, or an error that says what was seen instead.

mod before;
mod grant;
mod page;
mod withdrawal;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use super::stage::Stage;
use super::tool::Tool;
use super::tool::Tool::{C15t, Gpp, Klaro, Orejime, Page, Tarteaucitron, Tcf, Vanilla};

type Tried<'a> = Pin<Box<dyn Future<Output = Result<String>> + 'a>>;

/// One requirement.
pub struct Row {
    /// Its number, such as `C1`.
    pub number: &'static str,
    /// What is required.
    pub what: &'static str,
    /// The tools that it is tried with.
    pub tools: &'static [Tool],
    /// Whether it is tried in Firefox too.
    pub in_firefox: bool,
    /// Tries it.
    pub try_it: for<'a> fn(&'a Stage, Tool) -> Tried<'a>,
}

macro_rules! row {
    ($number:literal, $what:literal, $tools:expr, $firefox:literal, $function:path) => {
        Row {
            number: $number,
            what: $what,
            tools: $tools,
            in_firefox: $firefox,
            try_it: |stage, tool| Box::pin($function(stage, tool)),
        }
    };
}

const REAL: &[Tool] = &[Vanilla, Klaro, Orejime, Tarteaucitron, C15t, Tcf, Gpp];
const EVERY: &[Tool] = &Tool::ALL;

/// All rows, in the order of the table.
pub static ROWS: &[Row] = &[
    row!("C1", "no request and nothing stored before a positive signal", EVERY, true, before::nothing_happens),
    row!(
        "C2",
        "a tool that is absent, not found, hung, throwing, nonsense or a stub grants nothing",
        REAL,
        true,
        before::broken_tools
    ),
    row!("C3", "only an affirmative act of the user grants", EVERY, false, before::defaults_grant_nothing),
    row!(
        "C4",
        "before consent, a hesitating and a decisive shopper make the same traffic",
        &[Vanilla],
        false,
        before::traffic_says_nothing
    ),
    row!("C5", "nothing from before the grant is ever sent or scored", EVERY, true, grant::nothing_in_retrospect),
    row!(
        "C6",
        "one purpose alone: no offers without personalize, no events without measure",
        EVERY,
        false,
        grant::purposes_are_apart
    ),
    row!("C7", "no request begins once the tool was told of a withdrawal", EVERY, true, withdrawal::closes_at_once),
    row!("C8", "session and queue are gone from memory within 50 ms", EVERY, true, withdrawal::wipes_memory),
    row!(
        "C9",
        "one erasure request within a second, also when the tab closes",
        EVERY,
        false,
        withdrawal::asks_for_erasure_once
    ),
    row!(
        "C10",
        "a batch that was on its way is refused with 410",
        &[Vanilla],
        false,
        withdrawal::late_batch_is_refused
    ),
    row!("C11", "a withdrawal in one tab stops the other within a second", EVERY, true, withdrawal::reaches_other_tabs),
    row!(
        "C12",
        "deleting the tool's cookie, or its reset without an event, stops sending",
        &[Vanilla, Klaro, Orejime, Tarteaucitron, C15t],
        false,
        withdrawal::without_any_event
    ),
    row!(
        "C13",
        "choices that are not saved, and a dialog that is open, send nothing",
        &[Vanilla, Klaro, Orejime, C15t, Tcf, Gpp],
        false,
        before::unsaved_choices
    ),
    row!(
        "C14",
        "Global Privacy Control overrides a grant while the page is open, and the page can say so",
        EVERY,
        true,
        withdrawal::privacy_control_overrides
    ),
    row!(
        "C16",
        "Google's consent mode says granted after a withdrawal: the gate is closed all the same",
        &[Tarteaucitron],
        false,
        withdrawal::consent_mode_lies
    ),
    row!("C18", "a listener put to a stub of GPP survives the hand-over", &[Gpp], false, grant::stub_hands_over),
    row!(
        "C19",
        "pages that are restored, prerendered, framed or routed look at consent first",
        EVERY,
        false,
        page::comes_and_goes
    ),
    row!(
        "C22",
        "no cookie and no referrer on any request, lengths in steps of 512 bytes; no cookie, ETag or HSTS on any answer",
        &[Page],
        false,
        page::headers
    ),
    row!(
        "C33",
        "a collector that is gone: nothing kept for later, the page unharmed",
        &[Vanilla, Page],
        false,
        page::collector_is_gone
    ),
    row!(
        "C34",
        "withdrawing takes one call and no more clicks than accepting; offers vanish at once",
        EVERY,
        false,
        withdrawal::as_easy_as_granting
    ),
    row!(
        "C35",
        "after withdrawal and a new grant: a new name, nothing of the old",
        EVERY,
        false,
        withdrawal::begins_afresh
    ),
    row!(
        "C36",
        "the end of an offer stays the same after a reload, and it says that it is personal",
        &[Page],
        false,
        page::offers_are_honest
    ),
    row!("C37", "nothing that fingerprints are made of is touched", &[Vanilla, Page], false, page::no_fingerprints),
];

/// What cannot be driven here, and so is not tested: said in the table.
pub static UNTESTED: &[(&str, &str)] = &[
    ("Shopify Customer Privacy API", "only inside a Shopify shop; its adapter is tested against a recorded double"),
    ("OneTrust, Cookiebot, Didomi, Usercentrics", "hosted services; they are read by their `__tcfapi`"),
    ("Safari", "there is none here; nothing was run in WebKit"),
    (
        "C15, C17, C20, C21, C23 to C32, C38, C39",
        "no browser is needed for them; they are tests of the collector and of the core",
    ),
];
