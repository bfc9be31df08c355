//! Schedules, costs, budgets, strata and prices of a file, as decisions meet them.

use waver_core::decision::{
    Allowance, Circumstances, Facts, ItemFacts, Learned, LearnedArm, LineFacts, SessionHistory,
};
use waver_policy::{Goal, Policy};
use waver_schema::{Arm, Cart, Currency, DecisionFeatures, DecisionReason, Locale, PageType, SlotName, StratumName};

/// 2026-11-27, noon in Berlin.
const NOON: u64 = 1_795_777_200_000;
const HOUR: u64 = 3_600_000;

fn offer(id: &str, keys: &str, tables: &str) -> String {
    offer_saying(id, keys, tables, "For you")
}

fn offer_saying(id: &str, keys: &str, tables: &str, text: &str) -> String {
    format!(
        "[[offer]]\nid = \"{id}\"\nslots = [\"product\"]\nwhen = \"true\"\n{keys}\n{tables}\n[offer.text.en]\ntext = \"{text}\"\n\
         disclosure = \"Personalised.\"\naccept = \"Yes\"\ndismiss = \"No\"\n"
    )
}

fn policy(text: &str) -> Policy {
    let (policy, warnings) = Policy::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(warnings, [], "{text}");
    policy
}

fn euros() -> Option<Currency> {
    Currency::new("EUR").ok()
}

fn facts() -> Facts {
    Facts {
        personalize: true,
        slot: SlotName::parse("product").expect("a slot"),
        page: PageType::Product,
        features: DecisionFeatures::default(),
        cart: Cart { items: 2, value_minor: 10_000, currency: euros() },
        history: SessionHistory::default(),
        around: Circumstances::default(),
        lot: u64::MAX,
        at: NOON,
    }
}

fn item(stock: u32, margin_minor: i32) -> ItemFacts {
    ItemFacts {
        stock: Some(stock),
        price_minor: Some(5_000),
        currency: euros(),
        margin_minor: Some(margin_minor),
        lowest_30d_minor: Some(4_490),
    }
}

fn reason(policy: &Policy, facts: &Facts) -> DecisionReason {
    policy.decide(facts, 0, 0).0.reason
}

#[test]
fn an_offer_is_made_in_its_time_only_and_ends_with_it() {
    let file = policy(&format!(
        "[policy]\ntime_zone = \"Europe/Berlin\"\n{}",
        offer("a", "kind = \"gift\"", "[offer.schedule]\nuntil = 2026-11-27\nhours = \"09:00-18:00\"")
    ));
    let at = |at| reason(&file, &Facts { at, ..facts() });
    assert_eq!([NOON - 3 * HOUR, NOON + 6 * HOUR - 1].map(at), [DecisionReason::TargetingMatch; 2]);
    assert_eq!([NOON - 3 * HOUR - 1, NOON + 6 * HOUR, NOON + 24 * HOUR].map(at), [DecisionReason::NotEligible; 3]);
    let ends = |now| file.offer(0, None, now, None).expect("an offer").expires_at;
    assert_eq!(ends(NOON), NOON + HOUR / 2);
    assert_eq!(ends(NOON + 12 * HOUR - 1000), NOON + 12 * HOUR, "never after the schedule's own end");
}

#[test]
fn one_offer_can_be_switched_off() {
    let file = policy(&offer("a", "kind = \"gift\"\nkill_switch = true", ""));
    assert_eq!(reason(&file, &facts()), DecisionReason::KillSwitch);
}

#[test]
fn an_offer_may_have_its_own_holdout() {
    let file = policy(&format!("[policy]\nholdout = 0.5\n{}", offer("a", "kind = \"gift\"\nholdout = 0.2", "")));
    let arm = |lot| file.decide(&Facts { lot, ..facts() }, 0, 0).0.arm;
    assert_eq!((arm(u64::MAX / 5), arm(u64::MAX / 5 + 1)), (Arm::Holdout, Arm::Offer));
    assert_eq!((file.holdout_milli(), file.terms()[0].holdout_milli), (500, 200));
}

#[test]
fn costs_follow_from_the_kind_unless_they_are_stated() {
    let cost = |keys: &str| {
        let file = policy(&format!("[policy]\ncurrency = \"EUR\"\n{}", offer("a", keys, "")));
        file.cost(0, &facts()).map(|(minor, currency)| format!("{minor} {}", currency.as_str()))
    };
    for (keys, expected) in [
        ("kind = \"percent\"\nvalue = 15", Some("1500 EUR")),
        ("kind = \"percent\"\nvalue = 15\ncost = \"12.5%\"", Some("1250 EUR")),
        ("kind = \"amount\"\nvalue = 5\ncurrency = \"USD\"", Some("500 USD")),
        ("kind = \"free_shipping\"", None),
        ("kind = \"free_shipping\"\ncost = 4.9", Some("490 EUR")),
        ("kind = \"free_shipping\"\ncost = 4.9\ncurrency = \"USD\"", Some("490 USD")),
        ("kind = \"message\"\ncost = 0", Some("0 EUR")),
    ] {
        assert_eq!(cost(keys).as_deref(), expected, "{keys}");
    }
}

#[test]
fn stock_and_margin_gate_what_the_file_says_they_gate() {
    let file = policy(&offer("a", "kind = \"percent\"\nvalue = 10\nmargin_floor = \"5%\"", ""));
    let mut facts = facts();
    facts.around.item = Some(item(0, 0));
    assert_eq!(reason(&file, &facts), DecisionReason::OutOfStock);
    facts.around.item = Some(item(1, 0));
    assert_eq!(reason(&file, &facts), DecisionReason::MarginFloor, "the margin of the cart is not known");
    // 10 % of 100.00 are given away, 5.00 have to be left.
    facts.around.in_cart = vec![LineFacts { quantity: 2, item: item(1, 749) }];
    assert_eq!(reason(&file, &facts), DecisionReason::MarginFloor);
    facts.around.in_cart = vec![LineFacts { quantity: 2, item: item(1, 750) }];
    assert_eq!(reason(&file, &facts), DecisionReason::TargetingMatch);
    let hint = policy(&offer("a", "kind = \"message\"", ""));
    facts.around.item = Some(item(0, 0));
    assert_eq!(reason(&hint, &facts), DecisionReason::TargetingMatch);
    let anyway = policy(&offer("a", "kind = \"gift\"\nneeds_stock = false", ""));
    assert_eq!(reason(&anyway, &facts), DecisionReason::TargetingMatch);
}

#[test]
fn a_budget_says_what_is_there_of_it_now() {
    let allowance = |keys: &str, budget: &str, at| {
        let text = format!(
            "[policy]\ntime_zone = \"Europe/Berlin\"\ncurrency = \"EUR\"\n{}",
            offer("a", keys, &format!("[offer.budget]\n{budget}"))
        );
        policy(&text).allowance(0, at, &facts())
    };
    let day = NOON - 12 * HOUR;
    let gift = "kind = \"gift\"";
    let all = |allowed| Some(Allowance { period: day, allowed, cost: 1 });
    assert_eq!(allowance(gift, "offers = 100\nper = \"day\"", NOON), all(100));
    assert_eq!(allowance(gift, "offers = 100\nper = \"day\"\npacing = \"even\"", NOON), all(55), "a tenth at once");
    assert_eq!(allowance(gift, "offers = 100\nper = \"day\"\npacing = \"even\"\nhead_start = 0", NOON), all(50));
    let total = allowance(gift, "offers = 7\nper = \"total\"", NOON);
    assert_eq!(total, Some(Allowance { period: 0, allowed: 7, cost: 1 }));
    let percent = "kind = \"percent\"\nvalue = 10";
    let money = allowance(percent, "money = 500\nper = \"day\"", NOON);
    assert_eq!(money, Some(Allowance { period: day, allowed: 50_000, cost: 1_000 }));
    let month = allowance(percent, "money = 500\nper = \"month\"", NOON).expect("a budget").period;
    assert_eq!(month, NOON - (26 * 24 + 12) * HOUR);
    assert_eq!(policy(&offer("a", gift, "")).allowance(0, NOON, &facts()), None);
    let spent =
        Circumstances { spent: vec![waver_schema::OfferId::parse("a").expect("a name")], ..Circumstances::default() };
    let file = policy(&offer("a", gift, "[offer.budget]\noffers = 100\nper = \"day\""));
    assert_eq!(reason(&file, &Facts { around: spent, ..facts() }), DecisionReason::BudgetSpent);
}

#[test]
fn a_campaign_is_paced_over_its_schedule() {
    let tables = "[offer.schedule]\nfrom = 2026-11-27\nuntil = 2026-11-27\n[offer.budget]\noffers = 100\nper = \"total\"\npacing = \"even\"\nhead_start = 0.0";
    let file = policy(&format!("[policy]\ntime_zone = \"Europe/Berlin\"\n{}", offer("a", "kind = \"gift\"", tables)));
    let allowed = |at| file.allowance(0, at, &facts()).expect("a budget").allowed;
    assert_eq!([0, 6, 12, 24].map(|hour| allowed(NOON - 12 * HOUR + hour * HOUR)), [0, 25, 50, 100]);
}

#[test]
fn what_is_learned_is_asked_for_by_arm_and_stratum() {
    let text = format!(
        "[policy]\nexplore = 0.05\ngoal = \"margin\"\n[[stratum]]\nid = \"full\"\nwhen = \"cart.value >= 100.0\"\n\
         [[stratum]]\nid = \"any\"\nwhen = \"cart.items > 0\"\n{}{}{}",
        offer("a", "kind = \"gift\"\nlearn = true", ""),
        offer("b", "kind = \"message\"\nlearn = true", ""),
        offer("c", "kind = \"message\"\npriority = -1", "")
    );
    let file = policy(&text);
    let with_cart = |items, value_minor| Facts { cart: Cart { items, value_minor, currency: euros() }, ..facts() };
    let stratum = |items, value_minor| file.stratum(&with_cart(items, value_minor)).as_str().to_owned();
    assert_eq!([stratum(2, 10_000), stratum(2, 9_999), stratum(0, 0)], ["full", "any", "rest"]);
    assert_eq!((file.explore_milli(), file.goal(), file.strata().count()), (50, Goal::Margin, 2));

    let mut facts = facts();
    let judged = file.judge(&facts);
    let arms: Vec<String> = judged.arms(&facts, 0).iter().map(ToString::to_string).collect();
    assert_eq!(arms, ["a", "b"]);
    let only_b = LearnedArm { offer: waver_schema::OfferId::parse("b").expect("a name"), weight: 1.0, show: 1.0 };
    facts.around.learned = Some(Learned { arms: vec![only_b] });
    assert!((0..32).all(|seed| judged.decide(&facts, seed, 0).offer == Some(1)));
    assert_eq!(policy("").stratum(&facts), StratumName::rest());
}

#[test]
fn a_claimed_reduction_names_the_prior_price_in_the_shoppers_way() {
    let text = offer_saying("a", "kind = \"percent\"\nvalue = 10", "", "10 % off; lowest of 30 days: {prior_price}");
    let german =
        "[offer.text.de]\ntext = \"Bisher {prior_price}\"\ndisclosure = \"-\"\naccept = \"Ja\"\ndismiss = \"Nein\"\n";
    let file = policy(&format!("{text}{german}"));
    let mut facts = facts();
    assert_eq!(reason(&file, &facts), DecisionReason::NotEligible);
    facts.around.item = Some(item(1, 0));
    assert_eq!(reason(&file, &facts), DecisionReason::TargetingMatch);
    let said = |locale: &str| {
        let locale = Locale::parse(locale).expect("a locale");
        file.offer(0, Some(&locale), 0, facts.around.item.as_ref()).expect("an offer").text
    };
    assert_eq!(said("en-GB"), "10 % off; lowest of 30 days: €44.90");
    assert_eq!(said("de-AT"), "Bisher 44,90\u{a0}€");
    assert_eq!(file.offer(0, None, 0, None), None, "it does not stand without its price");
}

#[test]
fn rules_see_catalogue_session_and_visitor() {
    let mut facts = facts();
    facts.around.item = Some(item(3, -250));
    facts.around.in_cart = vec![LineFacts { quantity: 2, item: item(1, 750) }];
    facts.around.to_visitor = vec![waver_schema::OfferId::parse("a").expect("a name"); 3];
    facts.history.cart_removes = 2;
    for when in [
        "item.known && item.in_stock && item.price == 50.0 && item.margin == -2.5 && cart.margin == 15.0",
        "session.cart_removes == 2 && session.offers == 0 && session.dismissed == 0 && session.farming == 0.0",
        "visitor.offers == 3",
    ] {
        let file = policy(&offer("a", "kind = \"message\"", "").replace("\"true\"", &format!("\"{when}\"")));
        assert_eq!(reason(&file, &facts), DecisionReason::TargetingMatch, "{when}");
    }
    let unknown = "!item.known && !item.in_stock && item.price == 0.0 && cart.margin == 0.0";
    let file = policy(&offer("a", "kind = \"message\"", "").replace("\"true\"", &format!("\"{unknown}\"")));
    facts.around = Circumstances::default();
    assert_eq!(reason(&file, &facts), DecisionReason::TargetingMatch);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let gift = |keys: &str, tables: &str| offer("a", &format!("kind = \"gift\"\n{keys}"), tables);
    let euro = |text: String| format!("[policy]\ncurrency = \"EUR\"\n{text}");
    let budget = |keys: &str| gift("", &format!("[offer.budget]\n{keys}"));
    for (text, said) in [
        (gift("cost = 4.9", ""), "of which currency?"),
        (gift("cost = true", ""), "`cost` is a sum such as 4.90"),
        (gift("cost = \"much\"", ""), "a percentage such as"),
        (gift("cost = \"101%\"", ""), "a percentage such as"),
        (euro(gift("cost = -1", "")), "0 or more"),
        (euro(gift("cost = 1.005", "")), "at most 2 decimals"),
        (euro(gift("margin_floor = 5", "")), "`margin_floor` needs `cost`"),
        (gift("holdout = 1.1", ""), "`holdout` is a share"),
        (gift("stacks_with = [\"b\"]", ""), "there is no such offer"),
        (gift("stacks_with = [\"B\"]", ""), "there is no such offer"),
        (gift("reduction = true", ""), "add `{prior_price}`"),
        (budget("per = \"day\""), "either `offers` or `money`"),
        (budget("offers = 1\nmoney = 1.0\nper = \"day\""), "either `offers` or `money`"),
        (budget("offers = 0\nper = \"day\""), "`offers` is at least 1"),
        (budget("offers = 1\nper = \"hour\""), "`per` is one of day"),
        (budget("offers = 1\nper = \"day\"\npacing = \"fast\""), "`pacing` is one of none, even"),
        (budget("offers = 1\nper = \"day\"\nhead_start = 0.5"), "`head_start` goes with"),
        (budget("offers = 1\nper = \"day\"\npacing = \"even\"\nhead_start = 2.0"), "`head_start` is a share"),
        (budget("offers = 1\nper = \"total\"\npacing = \"even\""), "needs `from` and `until`"),
        (euro(budget("money = 5\nper = \"day\"")), "a budget of money needs `cost`"),
        (budget("money = 5\nper = \"day\""), "of which currency?"),
        (euro(gift("cost = 1", "[offer.budget]\nmoney = 0\nper = \"day\"")), "above 0"),
        ("[policy]\ntime_zone = \"Mars\"\n".into(), "such as \"Europe/Berlin\""),
        ("[policy]\ncurrency = \"euro\"\n".into(), "three capital letters"),
        ("[policy]\ngoal = \"fame\"\n".into(), "`goal` is one of"),
        ("[policy]\nexplore = -0.1\n".into(), "`explore` is a share"),
        ("[[stratum]]\nid = \"rest\"\nwhen = \"true\"\n".into(), "and not `rest`"),
        ("[[stratum]]\nid = \"a\"\nwhen = \"true\"\n".repeat(2), "is there already"),
        ((0..9).map(|n| format!("[[stratum]]\nid = \"s{n}\"\nwhen = \"true\"\n")).collect(), "8 are allowed"),
        (offer_saying("a", "kind = \"gift\"", "", "{price}"), "the only name in braces"),
        (offer_saying("a", "kind = \"gift\"", "", &format!("{}{{prior_price}}", "x".repeat(221))), "240 fit"),
    ] {
        let problems = Policy::parse(&text).err().map(|error| error.problems).unwrap_or_default();
        let [problem] = problems.as_slice() else { panic!("{said}: {problems:?}\n{text}") };
        assert!(problem.message.contains(said), "{said}: {problem}");
    }
}

#[test]
fn a_stratum_whose_rule_does_not_work_is_nobodys() {
    let text = "[[stratum]]\nid = \"a\"\nwhen = \"cart.total > 5\"\n";
    let (file, warnings) = Policy::parse(&format!("{text}{}", offer("a", "kind = \"gift\"", ""))).expect("valid");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!((warning.line, &warning.offer), (3, &None));
    assert!(warning.message.contains("there is no fact `cart.total`"), "{warning}");
    assert_eq!(file.stratum(&facts()), StratumName::rest());
}

#[test]
fn a_file_is_explained_line_by_line() {
    let text = include_str!("../../../server/demo/offers.toml");
    let (lines, warnings) = Policy::explain(text).expect("the demo's offers are valid");
    assert_eq!(warnings, []);
    assert!(lines.is_sorted_by_key(|line| line.line));
    let source: Vec<&str> = text.lines().collect();
    for offer in policy(text).terms() {
        for what in ["when: ", "to whom: ", "how often: ", "at what cost: ", "until when: "] {
            let start = format!("offer `{}`: {what}", offer.id);
            let said: Vec<_> = lines.iter().filter(|line| line.message.starts_with(&start)).collect();
            let [said] = said.as_slice() else { panic!("{start}: {said:?}") };
            assert!(said.line <= source.len(), "{said}");
        }
        let rule = lines.iter().find(|line| line.message.starts_with(&format!("offer `{}`: to whom", offer.id)));
        let line = rule.map(|line| source[line.line - 1]).unwrap_or_default();
        assert!(line.starts_with("when = "), "{line}");
    }
}

/// The example at the top of the crate is one that works, and what its lines say is what they do.
#[test]
fn the_example_of_the_documentation_is_a_file() {
    let documentation = include_str!("../src/lib.rs");
    let lines = documentation.lines().skip_while(|line| *line != "//! ```toml").skip(1);
    let example: Vec<&str> =
        lines.take_while(|line| *line != "//! ```").map(|line| line.trim_start_matches("//!")).collect();
    let text = format!("{}\n{}", example.join("\n"), offer("delivery", "kind = \"free_shipping\"", ""));
    let file = policy(&text);
    let [percent, _] = file.terms() else { panic!("{:?}", file.terms()) };
    assert!(percent.learn && percent.holdout_milli == 200 && percent.budget.is_some() && percent.cost.is_some());
    assert_eq!((file.goal(), file.explore_milli(), file.strata().count()), (Goal::Revenue, 10, 1));
}
