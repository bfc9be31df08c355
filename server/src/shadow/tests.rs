//! Sessions by an injected clock, through the fold that the collector has.

use waver_core::model::{MAX_BYTES, Parts, Term, Transform};
use waver_core::session::Client;
use waver_schema::{
    BrowserFamily, CommerceAction, ConsentChoice, DeviceClass, Event, EventBody, Milli, Navigation, OrderRef, PageType,
    Referrer, Stage, TrafficClass, Trend,
};

use super::*;

const SITE: SiteIndex = SiteIndex(0);
const BEGUN: u64 = 20_000 * DAY_MS;

/// A session with three views and a score, which buys then or not.
struct Shopper {
    pseudonym: Pseudonym,
    state: SessionState,
    epoch: u32,
    seq: u64,
    at: u64,
}

impl Shopper {
    fn new(number: u32, at: u64) -> Shopper {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&number.to_le_bytes());
        let client = Client { traffic: TrafficClass::Shopper, browser: BrowserFamily::Chrome };
        let mut state = SessionState::new(at, client);
        let epoch = state.record_consent(ConsentChoice::Granted, ConsentChoice::Granted, at).consent_epoch;
        Shopper { pseudonym: Pseudonym::from_bytes(name), state, epoch, seq: 0, at }
    }

    fn does(&mut self, shadow: &Shadow, body: EventBody) {
        self.seq += 1;
        self.at += 1_000;
        let event = Event { seq: self.seq, t: self.seq * 1_000, body };
        self.state.fold(self.epoch, &[event], self.at);
        shadow.see(SITE, self.pseudonym, &self.state, self.at);
    }

    fn views(&mut self, shadow: &Shadow) {
        self.does(
            shadow,
            EventBody::PageView {
                page: PageType::Product,
                navigation: Navigation::Load,
                referrer: Referrer::Direct,
                device: DeviceClass::Mouse,
                item: None,
            },
        );
    }

    fn scores(&mut self, shadow: &Shadow, p_buy: u64) {
        let milli = |number| Milli::try_from(number).expect("in range");
        let (stage, trend) = (Stage::Low, Trend::Flat);
        self.does(shadow, EventBody::Intent { p_buy_milli: milli(p_buy), p_leave_milli: milli(0), stage, trend });
    }

    fn buys(&mut self, shadow: &Shadow) {
        let order = Some(OrderRef::from_label("1"));
        let (action, quantity) = (CommerceAction::Purchase, 1);
        let purchase = EventBody::Commerce { action, item: None, quantity, value_minor: None, currency: None, order };
        self.does(shadow, purchase);
    }
}

fn challenger(task: &str, feature: &str) -> Result<Challenger, String> {
    let term = Term { feature: 0, transform: Transform::Identity, centre: 3.0, weight: 1.0 };
    let parts = Parts {
        task: task.to_owned(),
        name: "tried-1".to_owned(),
        features: vec![feature.to_owned()],
        terms: vec![term],
        ..Parts::default()
    };
    Challenger::new(Model::new(parts).expect("a model"))
}

fn after(days: u64) -> u64 {
    BEGUN + days * DAY_MS + SETTLED_MS
}

#[test]
fn each_session_is_judged_once_by_what_was_known_at_its_third_view() {
    let shadow = Shadow::over(1, Some(challenger("p_buy", "views").expect("usable")));
    for number in 0..4 {
        let mut shopper = Shopper::new(number, BEGUN);
        shopper.scores(&shadow, 100);
        shopper.views(&shadow);
        shopper.views(&shadow);
        shopper.views(&shadow);
        // What is said later is not what was said then.
        shopper.scores(&shadow, 900);
        shopper.views(&shadow);
        if number == 0 {
            shopper.buys(&shadow);
            shopper.views(&shadow);
        }
    }
    // One that is over too soon, and one that had bought before it could be scored.
    let mut short = Shopper::new(10, BEGUN);
    short.views(&shadow);
    short.scores(&shadow, 100);
    let mut early = Shopper::new(11, BEGUN);
    early.buys(&shadow);
    early.scores(&shadow, 100);
    (0..5).for_each(|_| early.views(&shadow));

    assert!(shadow.report(SITE, after(1) - 1).days.is_empty(), "the day is not settled");
    let report = shadow.report(SITE, after(1));
    let [(start, day)] = &report.days[..] else { panic!("{report:?}") };
    assert_eq!(*start, BEGUN);
    assert_eq!((day.champion.sessions(), day.champion.bought()), (4, 1));
    assert_eq!((day.challenger.sessions(), day.challenger.bought()), (4, 1));
    // 0.1 was said four times, one of them bought; the challenger is at its centre, and says a half.
    let champion = (0.9_f64 * 0.9 + 3.0 * 0.01) / 4.0;
    assert!((day.champion.brier().expect("sessions") - champion).abs() < 1e-9);
    assert!((day.challenger.brier().expect("sessions") - 0.25).abs() < 1e-9);
}

#[test]
fn an_erased_session_is_judged_by_nobody() {
    let shadow = Shadow::over(1, None);
    let mut shopper = Shopper::new(1, BEGUN);
    shopper.scores(&shadow, 100);
    (0..3).for_each(|_| shopper.views(&shadow));
    assert_eq!(shadow.of(SITE).forecasts.waiting(), 1);
    shadow.forget(SITE, [shopper.pseudonym].into_iter());
    assert_eq!(shadow.of(SITE).forecasts.waiting(), 0);
    assert_eq!(shadow.report(SITE, after(1)).days[0].1.champion.sessions(), 0);
}

#[test]
fn days_are_compared_once_they_have_enough_sessions_and_go_after_a_month() {
    let shadow = Shadow::over(1, None);
    for day in 0..2 {
        for number in 0..600 {
            let mut shopper = Shopper::new(number + 1_000 * day, BEGUN + u64::from(day) * DAY_MS);
            shopper.scores(&shadow, 50 + 800 * u64::from(day));
            (0..3).for_each(|_| shopper.views(&shadow));
        }
    }
    let drift = |report: &Report, of| report.drift.iter().find(|(feature, _)| *feature == of).and_then(|(_, psi)| *psi);
    let first = shadow.report(SITE, after(1));
    assert_eq!(drift(&first, Feature::PBuy), None, "there is nothing to compare with");
    let second = shadow.report(SITE, after(2));
    assert!(drift(&second, Feature::PBuy).is_some_and(|psi| psi > 0.25), "{second:?}");
    assert_eq!(drift(&second, Feature::Views), Some(0.0));
    let mut of_site = shadow.of(SITE);
    for day in 30_000..30_100 {
        of_day(&mut of_site.days, day);
    }
    assert_eq!(of_site.days.len(), DAYS);
    assert!(!of_site.days.contains_key(&20_000));
}

#[test]
fn a_challenger_that_cannot_be_scored_here_is_refused() {
    assert!(challenger("p_leave", "views").expect_err("another task").contains("p_leave"));
    let refused = challenger("p_buy", "scroll_reversals").expect_err("only the browser knows it");
    assert!(refused.contains("scroll_reversals") && refused.contains("product_views"), "{refused}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    assert!(matches!(Challenger::load(&path), Err(ArtifactError::Read(..))));
    std::fs::write(&path, b"WVMD").expect("writes");
    assert!(matches!(Challenger::load(&path), Err(ArtifactError::Unusable(..))));
    std::fs::write(&path, vec![0; MAX_BYTES + 1]).expect("writes");
    assert!(matches!(Challenger::load(&path), Err(ArtifactError::Unusable(..))));
}
