//! On a product's page: the call to action, the price, the choices, up and down, and back to what was seen before.

use waver_schema::HesitationKind::{CtaHover, PriceDwell, ProductReturn, ScrollOscillation, VariantSwitching};

use super::{pages, spots};
use crate::devtools::Screen;
use crate::scripted::scene::Claim::{Fires, Silent};
use crate::scripted::scene::Sign::Hesitation;
use crate::scripted::scene::{BOTH, FINGERS, MOUSE, Scene, act};

const COLOURS: [&str; 3] = ["moss", "ochre", "slate"];

pub(super) fn scenes() -> Vec<Scene> {
    [call_to_action(), price(), scrolling(), choices(), returning()].concat()
}

fn colour(id: &str) -> String {
    format!("label:has([name=colour][value={id}])")
}

fn size(id: &str) -> String {
    format!("label:has([name=size][value={id}])")
}

fn call_to_action() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: MOUSE,
        claim: Silent(&[Hesitation(CtaHover)]),
        page: pages::BACKPACK,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "moves about over the call to action and does not press",
            claim: Fires(Hesitation(CtaHover)),
            act: act!(hand => {
                hand.point_at(spots::CTA).await?;
                let doubt = hand.dice.whole(3_200, 5_000);
                hand.linger(spots::CTA, doubt).await?;
            }),
            ..scene
        },
        Scene {
            name: "leaves the call to action and comes back to it",
            claim: Fires(Hesitation(CtaHover)),
            act: act!(hand => {
                for _ in 0..4 {
                    hand.point_at(spots::CTA).await?;
                    let doubt = hand.dice.whole(500, 900);
                    hand.linger(spots::CTA, doubt).await?;
                    hand.point_at(spots::LEAD).await?;
                    hand.rest(250, 600).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "parks the pointer on the call to action",
            act: act!(hand => {
                hand.point_at(spots::CTA).await?;
                hand.rest(6_000, 9_000).await;
            }),
            ..scene
        },
        Scene {
            name: "crosses the call to action on the way to something else",
            act: act!(hand => {
                hand.point_at("#quantity-more").await?;
                hand.rest(300, 800).await;
                hand.point_at(".slot-note").await?;
                hand.rest(300, 800).await;
                hand.point_at(spots::LEAD).await?;
                hand.rest(800, 1_600).await;
            }),
            ..scene
        },
        Scene {
            name: "presses the call to action after a short look",
            screens: BOTH,
            act: act!(hand => {
                hand.point_at(spots::PRICE).await?;
                hand.rest(300, 900).await;
                hand.press(spots::CTA).await?;
                hand.rest(900, 1_600).await;
            }),
            ..scene
        },
    ]
}

fn price() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: MOUSE,
        claim: Silent(&[Hesitation(PriceDwell)]),
        page: pages::JACKET,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "moves about over the price",
            claim: Fires(Hesitation(PriceDwell)),
            act: act!(hand => {
                hand.point_at(spots::PRICE).await?;
                let doubt = hand.dice.whole(6_000, 8_000);
                hand.linger(spots::PRICE, doubt).await?;
            }),
            ..scene
        },
        Scene {
            name: "scrolls back to the price again and again",
            screens: FINGERS,
            claim: Fires(Hesitation(PriceDwell)),
            act: act!(hand => {
                for _ in 0..5 {
                    hand.bring_up(spots::PRICE).await?;
                    hand.rest(1_400, 2_200).await;
                    hand.scroll(420.0).await?;
                    hand.scroll(420.0).await?;
                    hand.rest(500, 1_200).await;
                }
                hand.bring_up(spots::PRICE).await?;
                hand.rest(1_400, 2_200).await;
            }),
            ..scene
        },
        Scene {
            name: "marks the price and comes back to it",
            claim: Fires(Hesitation(PriceDwell)),
            act: act!(hand => {
                hand.draw_over(spots::PRICE).await?;
                let look = hand.dice.whole(900, 1_400);
                hand.linger(spots::PRICE, look).await?;
                for _ in 0..2 {
                    hand.point_at(spots::LEAD).await?;
                    hand.rest(400, 900).await;
                    hand.point_at(spots::PRICE).await?;
                    let look = hand.dice.whole(700, 1_200);
                    hand.linger(spots::PRICE, look).await?;
                }
            }),
            ..scene
        },
        Scene {
            name: "passes the price on the way down and back up",
            screens: FINGERS,
            act: act!(hand => {
                hand.bring_up(spots::PRICE).await?;
                hand.rest(1_400, 2_200).await;
                for _ in 0..3 {
                    hand.scroll(420.0).await?;
                    hand.rest(700, 1_500).await;
                }
                hand.bring_up(spots::CTA).await?;
                hand.rest(1_400, 2_200).await;
            }),
            ..scene
        },
        Scene {
            name: "glances at the price",
            act: act!(hand => {
                hand.point_at(spots::PRICE).await?;
                let glance = hand.dice.whole(400, 1_000);
                hand.linger(spots::PRICE, glance).await?;
                hand.point_at(spots::LEAD).await?;
                let reading = hand.dice.whole(2_000, 4_000);
                hand.linger(spots::LEAD, reading).await?;
            }),
            ..scene
        },
        Scene {
            name: "reads the text beside the price and marks it",
            act: act!(hand => {
                let reading = hand.dice.whole(2_000, 4_000);
                hand.linger(spots::LEAD, reading).await?;
                hand.draw_over(spots::LEAD).await?;
                let reading = hand.dice.whole(1_500, 3_000);
                hand.linger(spots::LEAD, reading).await?;
            }),
            ..scene
        },
        Scene {
            name: "looks through a list of prices",
            page: pages::LIST,
            act: act!(hand => {
                for card in 1..=4 {
                    hand.point_at(&format!(".card:nth-child({card}) [data-waver-zone=price]")).await?;
                    hand.rest(300, 700).await;
                }
            }),
            ..scene
        },
    ]
}

fn scrolling() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(ScrollOscillation)]),
        page: pages::JACKET,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "scrolls up and down the same stretch",
            claim: Fires(Hesitation(ScrollOscillation)),
            act: act!(hand => {
                hand.scroll(400.0).await?;
                for n in 0..8 {
                    let distance = hand.dice.real(260.0, 400.0);
                    hand.scroll(if n % 2 == 0 { distance } else { -distance }).await?;
                    hand.rest(100, 300).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "reads to the end and goes back to the top",
            act: act!(hand => {
                for _ in 0..6 {
                    let distance = hand.dice.real(150.0, 420.0);
                    hand.scroll(distance).await?;
                    hand.rest(500, 1_400).await;
                }
                for _ in 0..6 {
                    hand.scroll(-460.0).await?;
                    hand.rest(20, 80).await;
                }
                hand.rest(600, 1_200).await;
            }),
            ..scene
        },
        Scene {
            name: "corrects its way by a few lines while reading",
            act: act!(hand => {
                for n in 0..9 {
                    let distance = if n % 3 == 2 { -hand.dice.real(20.0, 60.0) } else { hand.dice.real(120.0, 260.0) };
                    hand.scroll(distance).await?;
                    hand.rest(500, 1_300).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "pages through by keyboard",
            screens: MOUSE,
            act: act!(hand => {
                for key in ["PageDown", "PageDown", "PageDown", "PageUp", "End", "Home"] {
                    hand.key(key).await?;
                    hand.rest(900, 1_800).await;
                }
            }),
            ..scene
        },
    ]
}

fn choices() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(VariantSwitching)]),
        page: pages::JACKET,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "goes back and forth between two colours",
            claim: Fires(Hesitation(VariantSwitching)),
            act: act!(hand => {
                for n in 0..6 {
                    hand.press(&colour(COLOURS[1 - n % 2])).await?;
                    hand.rest(1_200, 2_000).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "goes back and forth between two sizes",
            claim: Fires(Hesitation(VariantSwitching)),
            act: act!(hand => {
                for n in 0..6 {
                    hand.press(&size(["M", "L"][n % 2])).await?;
                    hand.rest(1_200, 2_000).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "chooses a colour and a size",
            act: act!(hand => {
                hand.press(&colour("slate")).await?;
                hand.rest(600, 1_200).await;
                hand.press(&size("M")).await?;
                hand.rest(600, 1_200).await;
                hand.press(spots::CTA).await?;
                hand.rest(600, 1_200).await;
            }),
            ..scene
        },
        Scene {
            name: "looks at each colour once",
            act: act!(hand => {
                for id in ["ochre", "slate", "moss"] {
                    hand.press(&colour(id)).await?;
                    hand.rest(900, 1_800).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "takes a slip of the finger back",
            act: act!(hand => {
                hand.press(&size("L")).await?;
                hand.rest(250, 450).await;
                hand.press(&size("M")).await?;
                hand.rest(900, 1_800).await;
                hand.press(spots::CTA).await?;
                hand.rest(600, 1_200).await;
            }),
            ..scene
        },
        Scene {
            name: "goes through the sizes by the arrow keys",
            screens: MOUSE,
            act: act!(hand => {
                hand.press(&size("S")).await?;
                for key in ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowDown"] {
                    hand.rest(300, 700).await;
                    hand.key(key).await?;
                }
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "turns through the pictures",
            act: act!(hand => {
                for _ in 0..4 {
                    hand.press("[data-turn='1']").await?;
                    hand.rest(300, 900).await;
                }
                for picture in [0, 1, 0, 1] {
                    hand.press(&format!("[data-picture='{picture}']")).await?;
                    hand.rest(300, 900).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "sets the quantity by its buttons",
            act: act!(hand => {
                for button in ["#quantity-more", "#quantity-more", "#quantity-more", "#quantity-less", "#quantity-more"] {
                    hand.press(button).await?;
                    hand.rest(150, 500).await;
                }
            }),
            ..scene
        },
    ]
}

fn returning() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(ProductReturn)]),
        page: pages::JACKET,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "comes back to a product twice after looking at others",
            claim: Fires(Hesitation(ProductReturn)),
            act: act!(hand => {
                for page in [pages::LIST, pages::BACKPACK, pages::JACKET, pages::MUG, pages::JACKET] {
                    hand.rest(1_400, 2_600).await;
                    hand.open(page).await?;
                }
                hand.rest(1_400, 2_600).await;
            }),
            ..scene
        },
        Scene {
            name: "looks at one product after the other",
            act: act!(hand => {
                for page in [pages::LIST, pages::BACKPACK, pages::LIST, pages::MUG] {
                    hand.rest(1_400, 2_600).await;
                    hand.open(page).await?;
                }
                hand.rest(1_000, 2_000).await;
            }),
            ..scene
        },
        Scene {
            name: "loads a product's page again",
            act: act!(hand => {
                hand.rest(1_000, 2_000).await;
                hand.open(pages::JACKET).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
        Scene {
            name: "looks into the cart and goes back to the product once",
            cart: 1,
            act: act!(hand => {
                hand.rest(1_000, 2_000).await;
                hand.open(pages::CART).await?;
                hand.rest(1_000, 2_000).await;
                if hand.screen == Screen::Phone {
                    hand.tab.go_back().await?;
                    hand.arrive(pages::JACKET).await?;
                } else {
                    hand.open(pages::JACKET).await?;
                }
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
    ]
}
