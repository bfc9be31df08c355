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

    use waver_core::{Edge, PointerType, Signal, SignalKind};
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
            ("cart-edits", "Taking out and putting back across a page load.", cart_edits()),
            ("scrolling", "Reading on, then up and down the same stretch, with a pause.", scrolling()),
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
