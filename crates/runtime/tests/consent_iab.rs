//! TCF and GPP, against doubles of their APIs.
#![cfg(target_family = "wasm")]

mod page;

use page::{WILLING, act, boot, collector, expect, expect_told, get, requests, sent, until};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Purposes 1, 5, 6 and 8; and 1 alone, with legitimate interests for 2 and 7 to 10.
const BOTH: &str = "CQtAQoAQtAQoAAfADAENAAFgAI0AAEPAAAYgAAAAAAAA";
const HASH_OF_BOTH: &str = "db49e316edac447d4cc777cc6ec09297daf98c8af41634b7d78c4a59541209f9";
const ONLY_1: &str = "CQtAQoAQtAQoAAfADAENAAFgAIAAAEPAAAYgAAAAAAAA";

fn say(status: &str, string: &str, purposes: &str) {
    act(&format!(
        "it.tcf.say({{ eventStatus: '{status}', tcString: '{string}', purpose: {{ consents: {purposes}, legitimateInterests: {{ 8: true }} }} }})"
    ));
}

const SHOWN_BOTH: &str = "{ 1: true, 2: false, 5: true, 6: true, 8: true }";
const SHOWN_1: &str = "{ 1: true }";

#[wasm_bindgen_test]
async fn an_answer_of_the_shopper_grants_and_an_open_dialogue_pauses() {
    collector(WILLING);
    boot(r#"{"tcf":"purposes"}"#);
    tcf().await;
    gpp().await;
}

async fn tcf() {
    act("it.tcf = doubles.tcf({ stub: true })");
    expect(["unknown", "unknown"], "the stub answers nothing but ping").await;
    act("it.tcf.load()");
    expect(["unknown", "unknown"], "whether the law applies is not known yet").await;
    say("cmpuishown", BOTH, SHOWN_BOTH);
    expect(["unknown", "unknown"], "its dialogue is open, with old consents in it").await;
    assert_eq!(requests(), 0, "requests before an answer");
    say("useractioncomplete", ONLY_1, SHOWN_1);
    expect(["denied", "denied"], "legitimate interests are no consent").await;
    say("useractioncomplete", ONLY_1, SHOWN_BOTH);
    expect(["denied", "denied"], "its object says more than its string").await;
    say("useractioncomplete", BOTH, SHOWN_BOTH);
    expect(["granted", "granted"], "what object and string say").await;
    // The record waits a moment for the hash of the string.
    until("the record", || sent("/v1/consents").len() == 1).await;
    let reading = get(&get(&sent("/v1/consents")[0], "readings"), "0");
    assert_eq!(
        [get(&reading, "source"), get(&reading, "event_status"), get(&reading, "version")],
        ["tcf", "useractioncomplete", "5"]
    );

    assert_eq!(get(&reading, "string_hash"), HASH_OF_BOTH);
    // A batch says that the grant is on record.
    until("a batch", || !sent("/v1/events").is_empty()).await;
    say("cmpuishown", BOTH, SHOWN_BOTH);
    expect(["unknown", "unknown"], "its dialogue is open again").await;
    say("useractioncomplete", BOTH, SHOWN_BOTH);
    expect(["granted", "granted"], "closed with what stood").await;
    expect_told(1, 0, "since the session goes on");
    say("cmpuishown", BOTH, SHOWN_BOTH);
    say("useractioncomplete", ONLY_1, SHOWN_1);
    expect_told(1, 1, "when it was taken back in the dialogue");

    say("tcloaded", BOTH, SHOWN_BOTH);
    until("the grant of a string of before", || sent("/v1/consents").len() == 2).await;
    act("it.tcf.fail('error')");
    expect(["denied", "denied"], "its tool broke").await;
    act("it.tcf.say({ gdprApplies: false, eventStatus: 'tcloaded' })");
    expect(["unknown", "unknown"], "where the law does not apply nobody asked").await;
    act("it.tcf.remove()");

    // A page that makes another function each time it is asked gets no end of listeners from nobody.
    act("(it.listeners = 0, Object.defineProperty(window, '__tcfapi', { configurable: true, get: () => (command) => {
        it.listeners += command === 'addEventListener';
    } }))");
    for _ in 0..100 {
        expect(["unknown", "unknown"], "another one each time").await;
    }
    let listeners = act("it.listeners").as_f64().expect("a number");
    assert!((1.0..=20.0).contains(&listeners), "{listeners}");
    act("it.tcf.remove()");
}

fn ready(said: &str) {
    act(&format!("it.gpp.say({{ {said} }})"));
}

async fn gpp() {
    let told = requests();
    act("it.gpp = doubles.gpp({ stub: true })");
    expect(["unknown", "unknown"], "the stub").await;
    act("it.gpp.takeOver()");
    expect(["unknown", "unknown"], "another took over").await;
    assert_eq!(act("it.gpp.listeners()"), 1, "which lost the listener, so that it is registered anew");
    let section = "{ PurposeConsents: [true, false, false, false, true, true, false, true], PublisherConsents: [] }";
    let european = format!(
        "applicableSections: [2], sectionList: [2], gppString: 'DBABMA~{BOTH}.IAAA', parsedSections: {{ tcfeuv2: {section} }}"
    );
    ready(&format!("signalStatus: 'not ready', {european}"));
    expect(["unknown", "unknown"], "not ready").await;
    assert_eq!(requests(), told);
    ready(&european);
    until("the record", || requests() == told + 1).await;
    let batches = sent("/v1/events").len();
    until("a batch", || sent("/v1/events").len() > batches).await;
    expect(["granted", "granted"], "the European section, flat").await;
    ready(&format!("cmpDisplayStatus: 'visible', {european}"));
    expect(["unknown", "unknown"], "its dialogue is open").await;
    ready(&european.replace(section, &format!("[{section}]")));
    expect(["granted", "granted"], "in segments").await;
    assert_eq!(sent("/v1/erase").len(), 2, "none for a dialogue");
    ready(&european.replace("false, true]", "false, false]"));
    expect(["denied", "denied"], "parsed and string disagree").await;
    ready(&european);
    for opted_out in ["{ SaleOptOut: 1 }", "[{ SharingOptOut: 2 }, { Gpc: true }]", "{ TargetedAdvertisingOptOut: 1 }"]
    {
        ready(&format!(
            "{european}, applicableSections: [2, 7], parsedSections: {{ tcfeuv2: {section}, usnat: {opted_out} }}"
        ));
        expect(["denied", "denied"], opted_out).await;
    }
    ready(&format!(
        "{european}, applicableSections: [2, 7], parsedSections: {{ tcfeuv2: {section}, usnat: {{ SaleOptOut: 2, Gpc: false }} }}"
    ));
    expect(["granted", "granted"], "an opt-out that did not happen is no objection").await;
    ready(
        "applicableSections: [7], sectionList: [7], parsedSections: { usnat: { SaleOptOut: 2, SharingOptOut: 2, TargetedAdvertisingOptOut: 2 } }",
    );
    expect(["unknown", "unknown"], "and no consent").await;
    ready("applicableSections: [8], sectionList: [8], parsedSections: {}");
    expect(["unknown", "unknown"], "a section that applies and is not there").await;
    act("it.gpp.remove()");
}
