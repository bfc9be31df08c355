//! Files that are refused, files that work without one offer, and what is said about them.

use proptest::prelude::*;
use waver_core::decision::{Circumstances, Facts, SessionHistory};
use waver_policy::Policy;
use waver_schema::{Cart, DecisionFeatures, DecisionReason, PageType, SlotName};

/// A valid offer; `extra` and `when` go in between.
fn offer(id: &str, extra: &str, when: &str) -> String {
    format!(
        "[[offer]]\nid = \"{id}\"\nslots = [\"product\"]\n{extra}\nwhen = '''{when}'''\n[offer.text.en]\ntext = \"For you\"\n\
         disclosure = \"Personalised.\"\naccept = \"Yes\"\ndismiss = \"No\"\n"
    )
}

fn problems(text: &str) -> Vec<(usize, String)> {
    let error = Policy::parse(text).expect_err(text);
    error.problems.into_iter().map(|problem| (problem.line, problem.message)).collect()
}

fn facts() -> Facts {
    Facts {
        personalize: true,
        slot: SlotName::parse("product").expect("a slot"),
        page: PageType::Product,
        features: DecisionFeatures::default(),
        cart: Cart::default(),
        history: SessionHistory::default(),
        around: Circumstances::default(),
        lot: u64::MAX,
        at: 1_800_000_000_000,
    }
}

#[test]
fn an_empty_file_is_a_policy_that_offers_nothing() {
    let (policy, warnings) = Policy::parse("").expect("valid");
    assert_eq!((policy.holdout_milli(), policy.kill_switch(), warnings.len()), (100, false, 0));
    assert_eq!(policy.decide(&facts(), 0, 0).0.reason, DecisionReason::NotEligible);
}

#[test]
fn the_version_is_that_of_the_content() {
    let version = |text: &str| Policy::parse(text).expect("valid").0.version().to_owned();
    // First digits of BLAKE3's published hash of nothing.
    assert_eq!(version(""), "af1349b9f5f9a1a6");
    assert_eq!(version("# a\n").len(), 16);
    assert_ne!(version("# a\n"), version("# b\n"));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_to_do() {
    for (text, line, said) in [
        ("[policy]\nholdout = 1.5\n", 2, "a share from 0 to 1"),
        ("[policy]\nholdout = 0.12345\n", 2, "steps of 0.001"),
        ("[policy]\nholdout = nan\n", 2, "a share from 0 to 1"),
        ("[policy]\nhold_out = 0.1\n", 2, "unknown field `hold_out`"),
        ("[policy]\ndefault_locale = \"english\"\n", 2, "such as en or en-GB"),
        ("[policy\n", 1, "unclosed"),
        (&offer("a", "kind = \"percent\"\nvalue = 0", "true"), 5, "1 to 100"),
        (&offer("a", "kind = \"percent\"\nvalue = 101", "true"), 5, "1 to 100"),
        (&offer("a", "kind = \"percent\"\nvalue = 10.5", "true"), 5, "whole number"),
        (&offer("a", "kind = \"percent\"\nvalue = nan", "true"), 5, "1 to 100"),
        (&offer("a", "kind = \"percent\"", "true"), 1, "needs `value`"),
        (&offer("a", "kind = \"amount\"\nvalue = 5", "true"), 1, "needs `currency`"),
        (&offer("a", "kind = \"amount\"\nvalue = 5\ncurrency = \"eur\"", "true"), 6, "three capital letters"),
        (&offer("a", "kind = \"amount\"\nvalue = 5.001\ncurrency = \"EUR\"", "true"), 5, "at most 2 decimals for EUR"),
        (&offer("a", "kind = \"amount\"\nvalue = 0.5\ncurrency = \"JPY\"", "true"), 5, "at most 0 decimals for JPY"),
        (&offer("a", "kind = \"gift\"\nvalue = 5", "true"), 5, "no `value`"),
        (&offer("a", "kind = \"gift\"\ncurrency = \"EUR\"", "true"), 5, "kind `amount` and with costs only"),
        (&offer("a", "kind = \"bribe\"", "true"), 4, "one of percent, amount"),
        (&offer("A b", "kind = \"gift\"", "true"), 2, "1 to 32 characters"),
        (&offer("a", "kind = \"gift\"\nper_session = 0", "true"), 5, "at least 1"),
        (&offer("a", "kind = \"gift\"\nper_session = 65", "true"), 1, "64 are allowed"),
        (&offer("a", "kind = \"gift\"\nper_visitor = 0", "true"), 5, "`per_visitor` is at least 1"),
        (&offer("a", "kind = \"gift\"\ncooldown = \"10\"", "true"), 5, "a time with its unit"),
        (&offer("a", "kind = \"gift\"\nexpires_after = \"25h\"", "true"), 5, "from 1m to 24h"),
        (&offer("a", "kind = \"gift\"\nurgency = \"now\"", "true"), 5, "unknown field `urgency`"),
        (&offer("a", "kind = \"gift\"", "true").replace("\"product\"", ""), 3, "`slots` is empty"),
        (&offer("a", "kind = \"gift\"", "true").replace("\"product\"", "\"Product\""), 3, "a slot is 1 to 32"),
        (&offer("a", "kind = \"gift\"", "true").replace("text.en", "text.de"), 1, "add [offer.text.en]"),
        (&offer("a", "kind = \"gift\"", "true").replace("disclosure = \"Personalised.\"\n", ""), 6, "add `disclosure`"),
        (&offer("a", "kind = \"gift\"", "true").replace("Personalised.", " "), 8, "`disclosure` is empty"),
        (&offer("a", "kind = \"gift\"", "true").replace("Yes", &"y".repeat(41)), 9, "40 fit"),
        (&offer("a", "kind = \"gift\"", "true").replace("For you", "a\\nb"), 7, "on one line"),
        (&offer("a", "kind = \"percent\"\nvalue = 10", "true").replace("For you", "15 % off"), 8, "another percentage"),
        (&offer("a", "kind = \"gift\"", "true").replace("when", "if"), 5, "unknown field `if`"),
        (&format!("{0}\n{0}", offer("a", "kind = \"gift\"", "true")), 13, "there already"),
    ] {
        let found = problems(text);
        assert!(
            found.iter().any(|(at, message)| *at == line && message.contains(said)),
            "expected line {line} with `{said}`, got {found:?} for\n{text}"
        );
        assert_eq!(found.len(), 1, "{found:?} for\n{text}");
    }
}

#[test]
fn every_problem_is_found_at_once() {
    let text = format!(
        "[policy]\nholdout = 2\n{}{}",
        offer("A", "kind = \"percent\"\nvalue = 0", "true"),
        offer("b", "kind = \"x\"", "true")
    );
    assert_eq!(problems(&text).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 7, 17]);
    let error = Policy::parse(&text).expect_err("invalid").to_string();
    assert!(error.starts_with("line 2: "), "{error}");
}

#[test]
fn a_rule_that_does_not_work_switches_only_its_offer_off() {
    let deep = format!("{}true{}", "(".repeat(200), ")".repeat(200));
    let long_sum = format!("{} > 0", vec!["1"; 200].join("+"));
    for (when, said) in [
        ("hesitation.cta_hover >=", "no CEL expression: column"),
        ("", "no CEL expression"),
        ("cart.items", "a whole number, not a bool"),
        ("page", "a string, not a bool"),
        ("hesitation.cta_hovr > 0.5", "there is no fact `hesitation.cta_hovr`; there are hesitation.cta_hover, "),
        ("false && hesitation['cta_hovr'] > 0.5", "there is no fact `hesitation.cta_hovr`"),
        ("false && cart.total > 50", "there is no fact `cart.total`; there are cart.items, cart.value, cart.currency"),
        ("session.purchases == 0 || has(intent.mood)", "there is no fact `intent.mood`"),
        ("shopper.loyal", "there is no fact `shopper`; there are hesitation, intent, "),
        ("10 / cart.items > 2", "Division by zero"),
        ("cart.value * 2 > 100.0", "the rule fails"),
        ("page.matches('p.*')", "the rule fails"),
        ("hesitation.exists(a, hesitation.exists(b, hesitation[b] > hesitation[a]))", "a macro inside of, or over"),
        ("size(['xx'].map(k, k + k).map(k, k + k)[0]) > 1", "a macro inside of, or over"),
        (&deep, "no CEL expression"),
        (&long_sum, "nested deeper"),
        (&"1".repeat(513), "512 are allowed"),
        (&"true||".repeat(90), "512 are allowed"),
    ] {
        let text = format!("{}{}", offer("bad", "kind = \"gift\"", when), offer("good", "kind = \"gift\"", "true"));
        let (policy, warnings) = Policy::parse(&text).expect(when);
        let [warning] = warnings.as_slice() else { panic!("{when}: {warnings:?}") };
        assert_eq!((warning.line, warning.offer.as_ref().map(|offer| offer.as_str())), (5, Some("bad")), "{when}");
        assert!(warning.message.contains(said), "{when}: {}", warning.message);
        let (verdict, failures) = policy.decide(&facts(), 0, 0);
        assert_eq!((verdict.offer, failures.len()), (Some(1), 0), "{when}");
    }
}

#[test]
fn rules_see_every_documented_fact() {
    for when in [
        "page == 'product' && slot == 'product'",
        "hesitation.idle_return == 0.0 && hesitation['price_dwell'] < 0.1 && size(hesitation) == 12",
        "intent.p_buy == 0.0 && intent.p_leave <= 0 && intent.stage == 'low'",
        "frustrations == 0 && cart.items == 0 && cart.value < 50 && cart.currency == ''",
        "session.views == 0 && session.product_views == 0 && session.cart_adds == 0 && !session.checkout_begun && session.purchases == 0",
        "hesitation.all(kind, hesitation[kind] < 0.5) && !hesitation.exists(kind, hesitation[kind] > 0.5)",
        "page in ['product', 'cart'] ? true : false",
    ] {
        let (policy, warnings) = Policy::parse(&offer("a", "kind = \"gift\"", when)).expect("valid");
        assert_eq!(warnings, [], "{when}");
        assert_eq!(policy.decide(&facts(), 0, 0).0.offer, Some(0), "{when}");
    }
}

#[test]
fn a_rule_that_fails_at_run_time_is_not_eligible_and_is_reported() {
    // No sample has exactly seven views.
    let (policy, warnings) =
        Policy::parse(&offer("a", "kind = \"gift\"", "1 / (session.views - 7) < 2")).expect("valid");
    assert_eq!(warnings, []);
    let mut seven = facts();
    seven.history.views = 7;
    let (verdict, failures) = policy.decide(&seven, 0, 0);
    assert_eq!((verdict.offer, verdict.reason), (None, DecisionReason::NotEligible));
    assert_eq!(failures.len(), 1);
    assert!(failures[0].to_string().starts_with("offer `a`: "), "{}", failures[0]);
}

#[test]
fn nothing_is_evaluated_without_consent_or_under_the_kill_switch() {
    let failing = offer("a", "kind = \"gift\"", "1 / (session.views - 7) < 2");
    let mut seven = facts();
    seven.history.views = 7;
    let (stopped, _) = Policy::parse(&format!("[policy]\nkill_switch = true\n{failing}")).expect("valid");
    let (verdict, failures) = stopped.decide(&seven, 0, 0);
    assert_eq!((verdict.reason, failures.len()), (DecisionReason::KillSwitch, 0));
    let (running, _) = Policy::parse(&failing).expect("valid");
    seven.personalize = false;
    let (verdict, failures) = running.decide(&seven, 0, 0);
    assert_eq!((verdict.reason, failures.len()), (DecisionReason::NoConsent, 0));
}

#[test]
fn amounts_become_minor_units() {
    let (policy, _) =
        Policy::parse(&offer("a", "kind = \"amount\"\nvalue = 7.5\ncurrency = \"EUR\"", "true")).expect("valid");
    let offer = policy.offer(0, None, 0, None).expect("there");
    assert_eq!((offer.value, offer.currency.map(|code| code.as_str().to_owned())), (750, Some("EUR".into())));
}

/// Pieces that rules are made of, in any order.
fn rule_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just("."),
        Just("?"),
        Just(":"),
        Just(","),
        Just("&&"),
        Just("||"),
        Just("!"),
        Just("-"),
        Just("+"),
        Just("*"),
        Just("/"),
        Just("=="),
        Just(">="),
        Just(" in "),
        Just("hesitation"),
        Just("cta_hover"),
        Just("cart"),
        Just("items"),
        Just("exists"),
        Just("map"),
        Just("has"),
        Just("size"),
        Just("k"),
        Just("1"),
        Just("2.5"),
        Just("9223372036854775807"),
        Just("'x'"),
        Just("\""),
        Just("\\"),
        Just("true"),
        Just("null"),
        Just("é"),
        Just("//"),
        Just("optional"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// No text brings the reader down, and each is either refused with a line inside of it or makes a policy that decides.
    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        match Policy::parse(&text) {
            Ok((policy, _)) => { policy.decide(&facts(), 0, 0); }
            Err(error) => prop_assert!(error.problems.iter().all(|problem| problem.line <= text.lines().count() + 1)),
        }
    }

    /// Nor does any rule, however it is nested.
    #[test]
    fn any_rule_is_answered(rule in rule_like(), depth in 0_usize..120, bracket in 0_usize..4) {
        let (open, close) = [("(", ")"), ("[", "]"), ("size(", ")"), ("true ? ", " : false")][bracket];
        let when = format!("{}{rule}{}", open.repeat(depth), close.repeat(depth)).replace("'''", "");
        let (policy, _) = Policy::parse(&offer("a", "kind = \"gift\"", &when)).expect("the file is valid whatever the rule");
        let (verdict, failures) = policy.decide(&facts(), 0, 0);
        prop_assert!(verdict.offer.is_none() || failures.is_empty());
    }

    /// Any change of the file changes its version; the same file has the same.
    #[test]
    fn versions_follow_content(a in "# [a-z]{0,20}", b in "# [a-z]{0,20}") {
        let version = |text: &str| Policy::parse(text).expect("a comment").0.version().to_owned();
        prop_assert_eq!(version(&a) == version(&b), a == b);
    }
}
