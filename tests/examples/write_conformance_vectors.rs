//! Writes the conformance vectors anew after a wanted change of the engine; look at the difference before committing it.
//! `cargo run -p waver-tests --example write_conformance_vectors`

use waver_tests::conformance::{Vector, run};

fn main() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conformance");
    for (name, about, signals) in recordings::all() {
        let expected = run(&signals);
        let vector = Vector { about: about.to_owned(), signals, expected };
        let text = serde_json::to_string_pretty(&vector).expect("a vector serialises") + "\n";
        std::fs::write(folder.join(format!("{name}.json")), text).expect("the fixture can be written");
    }
}

mod recordings {
    //! Where the signals of the vectors come from: small scenes with a fixed pseudo-random jitter.

    use waver_core::{
        Edge, FieldAct, FieldClass, KeyClass, PointerType, Press, Pressed, PressedBy, Selected, Signal, SignalKind,
    };
    use waver_schema::{
        CommerceAction, Currency, DeviceClass, ItemRef, Navigation, OrderRef, PageType, Referrer, Zone,
    };

    pub(super) fn all() -> Vec<(&'static str, &'static str, Vec<Signal>)> {
        vec![
            ("decisive", "A product, a quick click, checkout and an order: nothing is told.", decisive()),
            (
                "dithering",
                "Moving about over the call to action, leaving, coming back, going for the tab bar.",
                dithering(),
            ),
            (
                "turning",
                "A straight reach for the call to action, one that turns to it, one that turns away.",
                turning(),
            ),
            ("cart-edits", "Taking out and putting back across a page load.", cart_edits()),
            ("scrolling", "Reading on, then up and down the same stretch, with a pause.", scrolling()),
            ("doubting", "The price, the variants, one product and another, other tabs, a pause.", doubting()),
            ("checking-out", "Codes for discounts, fields filled again, and then nothing.", checking_out()),
            (
                "by-touch",
                "A finger flings the page to its top, looks at the price again and again, and goes.",
                by_touch(),
            ),
            (
                "frustrated",
                "Buttons that do nothing, errors, a shaken pointer; and a carousel that works.",
                frustrated(),
            ),
            ("wandering", "A minute of everything with jittered times, some of them late.", wandering()),
        ]
    }

    /// Knuth's MMIX generator: only has to be the same each time.
    struct Jitter(u64);
    impl Jitter {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }
    }

    fn at(t: u64, kind: SignalKind) -> Signal {
        Signal { t, kind }
    }

    fn view(t: u64, page: PageType, item: Option<&str>) -> Signal {
        let (navigation, referrer, device) = (Navigation::Load, Referrer::Internal, DeviceClass::Mouse);
        at(t, SignalKind::View { page, navigation, referrer, device, item: item.map(ItemRef::from_label) })
    }

    fn commerce(t: u64, action: CommerceAction, item: &str, quantity: u32, value_minor: u32) -> Signal {
        let order = (action == CommerceAction::Purchase).then(|| OrderRef::from_label("T-1001"));
        let currency = Currency::new("EUR").ok();
        let (item, value_minor) = (Some(ItemRef::from_label(item)), Some(value_minor));
        at(t, SignalKind::Commerce { action, item, quantity, value_minor, currency, order })
    }

    fn pointer(t: u64, x: i32, y: i32) -> Signal {
        at(t, SignalKind::Pointer { x, y, pointer: PointerType::Mouse })
    }

    fn enter(t: u64, zone: Zone) -> Signal {
        at(t, SignalKind::ZoneEnter { zone, pointer: PointerType::Mouse })
    }

    fn decisive() -> Vec<Signal> {
        vec![
            view(0, PageType::Product, Some("lamp")),
            commerce(40, CommerceAction::ViewItem, "lamp", 1, 8_900),
            pointer(900, 400, 300),
            enter(1_500, Zone::Cta),
            pointer(1_540, 610, 420),
            at(1_930, SignalKind::click(Some(Zone::Cta))),
            commerce(1_935, CommerceAction::AddToCart, "lamp", 1, 8_900),
            view(4_000, PageType::Cart, None),
            commerce(4_050, CommerceAction::ViewCart, "lamp", 1, 8_900),
            at(6_200, SignalKind::click(Some(Zone::Checkout))),
            view(6_900, PageType::Checkout, None),
            commerce(6_950, CommerceAction::BeginCheckout, "lamp", 1, 8_900),
            commerce(31_000, CommerceAction::AddPaymentInfo, "lamp", 1, 8_900),
            view(33_000, PageType::Confirmation, None),
            commerce(33_020, CommerceAction::Purchase, "lamp", 1, 8_900),
        ]
    }

    fn dithering() -> Vec<Signal> {
        let mut jitter = Jitter(7);
        let mut signals = vec![view(0, PageType::Product, Some("tent"))];
        let mut t = 3_000;
        for visit in 0..3 {
            signals.push(enter(t, Zone::Cta));
            for _ in 0..12 + visit * 6 {
                t += 28 + jitter.below(80);
                signals.push(pointer(t, 600 + jitter.below(90) as i32, 410 + jitter.below(30) as i32));
            }
            t += 400;
            signals.push(at(t, SignalKind::Tick));
            t += 20;
            signals.push(at(t, SignalKind::ZoneLeave { zone: Zone::Cta }));
            t += 900;
        }
        for step in 0..7 {
            signals.push(pointer(t + step * 30, 700, 420 - step as i32 * 65));
        }
        signals.push(at(t + 215, SignalKind::PointerExit { edge: Edge::Top }));
        signals.push(at(t + 1_900, SignalKind::Visibility { visible: false }));
        signals.push(at(t + 9_000, SignalKind::Visibility { visible: true }));
        signals
    }

    /// A reach through `stops`, from `t` on, each leg in half a second, a sample each `sample_ms`; the zone is entered where a sample comes near it.
    fn reach(mut t: u64, sample_ms: u64, stops: &[(i32, i32)], signals: &mut Vec<Signal>) -> u64 {
        let (cta, mut over) = ((700, 250), false);
        for leg in stops.windows(2) {
            let steps = (500 / sample_ms) as i32;
            for step in 1..=steps {
                // The minimum-jerk way, in thousandths.
                let share = f64::from(step) / f64::from(steps);
                let share = share * share * share * (10.0 + share * (6.0 * share - 15.0));
                let at = |from: i32, to: i32| from + (f64::from(to - from) * share) as i32;
                let (x, y) = (at(leg[0].0, leg[1].0), at(leg[0].1, leg[1].1));
                t += sample_ms;
                signals.push(pointer(t, x, y));
                let near = (x - cta.0).abs() < 60 && (y - cta.1).abs() < 25;
                if near && !over {
                    signals.push(enter(t, Zone::Cta));
                } else if over && !near {
                    signals.push(at_leave(t));
                }
                over = near;
            }
        }
        for tick in 1..4 {
            signals.push(at(t + tick * 250, SignalKind::Tick));
        }
        if over {
            signals.push(at_leave(t + 800));
        }
        t + 4_000
    }

    fn at_leave(t: u64) -> Signal {
        at(t, SignalKind::ZoneLeave { zone: Zone::Cta })
    }

    fn turning() -> Vec<Signal> {
        let mut signals = vec![view(0, PageType::Product, Some("tent")), pointer(900, 300, 800)];
        let mut t = 1_000;
        for (sample_ms, stops) in [
            (16, vec![(300, 800), (700, 250)]),
            (16, vec![(500, 800), (150, 250), (700, 250)]),
            (33, vec![(500, 800), (150, 250), (700, 250)]),
            (100, vec![(500, 800), (150, 250), (700, 250)]),
            (33, vec![(300, 800), (700, 250), (200, 300)]),
        ] {
            t = reach(t, sample_ms, &stops, &mut signals);
        }
        signals
    }

    fn cart_edits() -> Vec<Signal> {
        vec![
            view(0, PageType::Cart, None),
            commerce(30, CommerceAction::ViewCart, "mug", 3, 7_500),
            commerce(8_000, CommerceAction::RemoveFromCart, "mug", 1, 1_500),
            view(15_000, PageType::Product, Some("mug")),
            commerce(21_000, CommerceAction::AddToCart, "mug", 1, 1_500),
            view(24_000, PageType::Cart, None),
            commerce(24_020, CommerceAction::ViewCart, "mug", 3, 7_500),
            commerce(29_000, CommerceAction::RemoveFromCart, "bowl", 2, 6_000),
        ]
    }

    fn scrolling() -> Vec<Signal> {
        let mut jitter = Jitter(11);
        let mut signals = vec![view(0, PageType::List, None)];
        let (mut t, mut y) = (500, 0);
        for _ in 0..30 {
            t += 90 + jitter.below(60);
            y += 40 + jitter.below(50) as i32;
            signals.push(at(t, SignalKind::Scroll { y, range: 3_200 }));
        }
        for swing in 0..7 {
            for _ in 0..4 {
                t += 80 + jitter.below(40);
                y += (60 + jitter.below(60) as i32) * if swing % 2 == 0 { -1 } else { 1 };
                signals.push(at(t, SignalKind::Scroll { y, range: 3_200 }));
            }
        }
        signals.push(at(t + 12_000, SignalKind::click(None)));
        signals
    }

    fn field(t: u64, class: FieldClass, field: u32, act: FieldAct) -> Signal {
        at(t, SignalKind::Field { class, field, act })
    }

    fn away(from: u64, to: u64) -> [Signal; 2] {
        [(from, false), (to, true)].map(|(t, visible)| at(t, SignalKind::Visibility { visible }))
    }

    fn doubting() -> Vec<Signal> {
        let mut jitter = Jitter(19);
        let mut signals = vec![view(0, PageType::Product, Some("boots"))];
        let mut t = 2_000;
        for visit in 0..3 {
            signals.push(enter(t, Zone::Price));
            for _ in 0..30 + visit * 8 {
                t += 30 + jitter.below(60);
                signals.push(pointer(t, 300 + jitter.below(80) as i32, 210 + jitter.below(20) as i32));
            }
            signals.push(at(t + 20, SignalKind::ZoneLeave { zone: Zone::Price }));
            t += 700;
        }
        for choice in [1, 2, 3, 1, 2] {
            t += 2_000 + jitter.below(1_500);
            signals.push(at(t, SignalKind::Variant { group: 1, choice }));
        }
        signals.push(at(t + 900, SignalKind::Selection { of: Selected::Title }));
        signals.extend(away(t + 3_000, t + 14_000));
        signals.extend(away(t + 40_000, t + 61_000));
        for item in ["sandals", "boots", "clogs", "boots"] {
            t += 70_000 + jitter.below(9_000);
            signals.push(view(t, PageType::Product, Some(item)));
            signals.push(pointer(t + 4_000, 200, 300));
        }
        signals.push(at(t + 290_000, SignalKind::Scroll { y: 300, range: 2_000 }));
        signals
    }

    fn checking_out() -> Vec<Signal> {
        use FieldAct::{Blur, Clear, Edit, Fill, Focus, Invalid};
        let mut jitter = Jitter(23);
        let mut signals = vec![view(0, PageType::Cart, None), commerce(20, CommerceAction::ViewCart, "mug", 2, 3_000)];
        for (t, act) in
            [(3_000, Focus), (4_000, Edit), (7_000, Invalid), (9_000, Edit), (12_000, Invalid), (14_000, Edit)]
        {
            signals.push(field(t, FieldClass::Coupon, 9, act));
        }
        signals.extend(away(16_000, 31_000));
        signals.push(view(40_000, PageType::Checkout, None));
        signals.push(field(40_500, FieldClass::Contact, 1, Fill));
        let mut t = 42_000;
        for (n, one) in [2, 3, 2, 3, 4, 2].into_iter().enumerate() {
            signals.push(field(t, FieldClass::Address, one, Focus));
            signals.push(field(t + 500, FieldClass::Address, one, if n == 3 { Clear } else { Edit }));
            signals.push(field(t + 1_400, FieldClass::Address, one, Edit));
            signals.push(field(t + 2_000, FieldClass::Address, one, Blur));
            t += 3_000 + jitter.below(2_000);
        }
        for _ in 0..70 {
            t += 1_000 + jitter.below(1_500);
            signals.push(pointer(t, 500 + jitter.below(200) as i32, 300 + jitter.below(200) as i32));
        }
        signals.push(at(t + 500, SignalKind::Key { class: KeyClass::Move }));
        signals
    }

    fn by_touch() -> Vec<Signal> {
        let mut jitter = Jitter(29);
        let touch = |t, down| at(t, SignalKind::Touch { down, x: 180, y: 420 });
        let device = DeviceClass::Touch;
        let (page, navigation, referrer) = (PageType::Product, Navigation::Route, Referrer::External);
        let mut signals = vec![at(0, SignalKind::View { page, navigation, referrer, device, item: None })];
        let (mut t, mut y) = (1_000, 0);
        for _ in 0..4 {
            signals.push(at(t, SignalKind::ZoneSight { zone: Zone::Price, visible: true }));
            t += 1_800;
            signals.push(touch(t, true));
            signals.push(touch(t + 90, false));
            for _ in 0..12 {
                t += 16 + jitter.below(20);
                y += 40 + jitter.below(40) as i32;
                signals.push(at(t, SignalKind::Scroll { y, range: 9_000 }));
            }
            signals.push(at(t + 10, SignalKind::ZoneSight { zone: Zone::Price, visible: false }));
            t += 1_400;
        }
        signals.push(touch(t, true));
        signals.push(touch(t + 60, false));
        while y > 0 {
            t += 16;
            y = (y - 50 - jitter.below(14) as i32).max(0);
            signals.push(at(t, SignalKind::Scroll { y, range: 9_000 }));
        }
        signals.push(at(t + 3_010, SignalKind::Tick));
        signals.push(at(t + 4_000, SignalKind::Back));
        signals
    }

    fn frustrated() -> Vec<Signal> {
        let mut jitter = Jitter(31);
        let click = |t, x, on| {
            let press = Press { by: PressedBy::Mouse, x, y: 300, target: 5, on, watched: true };
            at(t, SignalKind::Click { zone: Some(Zone::Cta), press })
        };
        let mut signals = vec![view(0, PageType::Product, Some("lamp"))];
        let mut t = 2_000;
        for _ in 0..6 {
            t += 200 + jitter.below(90);
            signals.push(click(t, 900, Pressed::Control));
            signals.push(at(t + 30, SignalKind::Response));
        }
        t += 3_000;
        for _ in 0..5 {
            t += 140 + jitter.below(90);
            signals.push(click(t, 600 + jitter.below(4) as i32, Pressed::Control));
        }
        signals.push(at(t + 700, SignalKind::Tick));
        signals.push(at(t + 2_600, SignalKind::Tick));
        t += 6_000;
        signals.push(click(t, 610, Pressed::Control));
        signals.push(at(t + 12, SignalKind::ScriptError));
        signals.push(at(t + 900, SignalKind::Response));
        t += 1_000;
        for n in 0..90_u64 {
            t += 30;
            let side = if n / 4 % 2 == 0 { n % 4 } else { 4 - n % 4 } as i32;
            signals.push(pointer(t, 300 + side * 90 + jitter.below(8) as i32, 400));
        }
        signals
    }

    fn wandering() -> Vec<Signal> {
        let mut jitter = Jitter(2026);
        let mut signals = vec![view(0, PageType::Home, None)];
        let mut t = 0_u64;
        for step in 0..220 {
            t += jitter.below(520);
            let late = t.saturating_sub(jitter.below(12) / 10 * 700);
            let (x, y) = (jitter.below(1_280) as i32, jitter.below(800) as i32);
            signals.push(match jitter.below(14) {
                0 => enter(late, [Zone::Cta, Zone::Price, Zone::Checkout][jitter.below(3) as usize]),
                1 => at(late, SignalKind::ZoneLeave { zone: [Zone::Cta, Zone::Price][jitter.below(2) as usize] }),
                2 => at(late, SignalKind::Scroll { y: y * 4, range: 3_200 }),
                3 => at(late, SignalKind::click(None)),
                4 if step % 3 == 0 => {
                    commerce(late, CommerceAction::AddToCart, ["a", "b", "c"][jitter.below(3) as usize], 1, 1_990)
                }
                5 if step % 4 == 0 => {
                    commerce(late, CommerceAction::RemoveFromCart, ["a", "b", "c"][jitter.below(3) as usize], 1, 1_990)
                }
                6 if step % 5 == 0 => view(late, PageType::Product, Some(["a", "b", "c"][jitter.below(3) as usize])),
                7 if step % 6 == 0 => at(late, SignalKind::PointerExit { edge: Edge::Top }),
                8 => at(late, SignalKind::Tick),
                _ => pointer(late, x, y),
            });
        }
        signals
    }
}
