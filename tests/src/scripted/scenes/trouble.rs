//! Where the page fails the shopper, and where it only takes many clicks to use.

use waver_schema::FrustrationKind::{DeadClick, ErrorClick, RageClick, ThrashedCursor};

use super::{pages, spots};
use crate::scripted::scene::Claim::{Fires, Silent};
use crate::scripted::scene::Sign::Frustration;
use crate::scripted::scene::{BOTH, MOUSE, Scene, act};

pub(super) fn scenes() -> Vec<Scene> {
    [rage(), dead_clicks(), errors(), shaking()].concat()
}

fn rage() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Frustration(RageClick)]),
        page: pages::JACKET,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "hammers on a button that does nothing",
            page: pages::ODD,
            claim: Fires(Frustration(RageClick)),
            act: act!(hand => {
                let clicks = hand.dice.whole(5, 8);
                hand.hammer("#dead", clicks).await?;
                hand.rest(400, 800).await;
            }),
            ..scene
        },
        Scene {
            name: "hammers on a picture",
            claim: Fires(Frustration(RageClick)),
            act: act!(hand => {
                let clicks = hand.dice.whole(5, 8);
                hand.hammer(spots::PICTURE, clicks).await?;
                hand.rest(400, 800).await;
            }),
            ..scene
        },
        Scene {
            name: "turns the carousel quickly",
            act: act!(hand => {
                let clicks = hand.dice.whole(5, 8);
                hand.hammer("[data-turn='1']", clicks).await?;
                hand.rest(400, 800).await;
            }),
            ..scene
        },
        Scene {
            name: "counts up by the stepper",
            act: act!(hand => {
                let clicks = hand.dice.whole(5, 7);
                hand.hammer("#quantity-more", clicks).await?;
                hand.rest(400, 800).await;
            }),
            ..scene
        },
        Scene {
            name: "counts down in the cart",
            page: pages::CART,
            cart: 2,
            act: act!(hand => {
                hand.hammer("#quantity-1-more", 5).await?;
                hand.rest(400, 800).await;
            }),
            ..scene
        },
        Scene {
            name: "marks a paragraph by pressing three times",
            screens: MOUSE,
            act: act!(hand => {
                hand.select_paragraph(spots::LEAD).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
        Scene {
            name: "presses a button twice, as for an icon",
            page: pages::ODD,
            act: act!(hand => {
                hand.press("#works").await?;
                hand.rest(40, 110).await;
                hand.click(2).await?;
                hand.rest(900, 1_500).await;
            }),
            ..scene
        },
        Scene {
            name: "presses one thumbnail after the other",
            act: act!(hand => {
                for picture in [0, 1, 0, 1, 0] {
                    hand.press(&format!("[data-picture='{picture}']")).await?;
                }
                hand.rest(400, 800).await;
            }),
            ..scene
        },
        Scene {
            name: "draws on a canvas",
            page: pages::ODD,
            act: act!(hand => {
                for _ in 0..5 {
                    hand.press("#viewer").await?;
                }
                hand.rest(400, 800).await;
            }),
            ..scene
        },
    ]
}

fn dead_clicks() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Frustration(DeadClick)]),
        page: pages::ODD,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "presses a button that does nothing, and waits",
            claim: Fires(Frustration(DeadClick)),
            act: act!(hand => {
                hand.press("#dead").await?;
                hand.rest(2_500, 3_500).await;
                hand.press("#dead").await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
        Scene {
            name: "presses a button whose answer takes half a second",
            act: act!(hand => {
                hand.press("#slow").await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
        Scene {
            name: "copies a link",
            act: act!(hand => {
                hand.press("#copy").await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
        Scene {
            name: "opens a dialogue and closes it",
            act: act!(hand => {
                hand.press("#share").await?;
                hand.rest(900, 1_800).await;
                hand.press("dialog button").await?;
                hand.rest(2_000, 3_000).await;
            }),
            ..scene
        },
        Scene {
            name: "switches what only a style sheet shows",
            act: act!(hand => {
                hand.press("label.box").await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
        Scene {
            name: "jumps to a place on the same page",
            act: act!(hand => {
                hand.press("#jump").await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
        Scene {
            name: "presses on text, ground and a field",
            act: act!(hand => {
                for spot in ["#text", "h1", "#notes"] {
                    hand.press(spot).await?;
                    hand.rest(1_500, 2_200).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "turns the model in a canvas",
            act: act!(hand => {
                hand.press("#viewer").await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
        Scene {
            name: "opens and closes the details",
            act: act!(hand => {
                hand.press("summary").await?;
                hand.rest(2_000, 3_000).await;
                hand.press("summary").await?;
                hand.rest(2_000, 3_000).await;
            }),
            ..scene
        },
        Scene {
            name: "chooses what is chosen already, and then something else",
            page: pages::JACKET,
            act: act!(hand => {
                hand.press("label:has([value=ochre])").await?;
                hand.rest(2_000, 3_000).await;
                hand.press("label:has([value=slate])").await?;
                hand.rest(2_000, 3_000).await;
            }),
            ..scene
        },
        Scene {
            name: "follows a link",
            page: pages::LIST,
            act: act!(hand => {
                hand.press(".card[data-waver-item=skerry-jacket] a").await?;
                hand.arrive(pages::JACKET).await?;
                hand.rest(2_000, 3_000).await;
            }),
            ..scene
        },
        Scene {
            name: "puts it into the cart",
            page: pages::BACKPACK,
            act: act!(hand => {
                hand.press(spots::CTA).await?;
                hand.rest(2_500, 3_500).await;
            }),
            ..scene
        },
    ]
}

fn errors() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Frustration(ErrorClick)]),
        page: pages::ODD,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "presses a button whose script fails",
            claim: Fires(Frustration(ErrorClick)),
            act: act!(hand => {
                hand.press("#throws").await?;
                hand.rest(1_500, 2_500).await;
                hand.press("#throws").await?;
                hand.rest(900, 1_500).await;
            }),
            ..scene
        },
        Scene {
            name: "reads on a page whose scripts fail by themselves",
            page: "odd.html?failing",
            act: act!(hand => {
                hand.point_at("#text").await?;
                hand.rest(1_500, 2_500).await;
                hand.scroll(300.0).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
        Scene {
            name: "presses a button that works",
            act: act!(hand => {
                for button in ["#works", "#slow", "#works"] {
                    hand.press(button).await?;
                    hand.rest(900, 1_500).await;
                }
            }),
            ..scene
        },
    ]
}

fn shaking() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: MOUSE,
        claim: Silent(&[Frustration(ThrashedCursor)]),
        page: pages::JACKET,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "shakes the mouse",
            claim: Fires(Frustration(ThrashedCursor)),
            act: act!(hand => {
                hand.point_at(spots::PICTURE).await?;
                let shaking = hand.dice.whole(2_800, 3_800);
                hand.shake(shaking).await?;
                hand.rest(300, 600).await;
            }),
            ..scene
        },
        Scene {
            name: "shakes the mouse for a moment to find the pointer",
            act: act!(hand => {
                hand.rest(2_200, 3_000).await;
                hand.shake(700).await?;
                hand.point_at(spots::PRICE).await?;
                hand.rest(900, 1_500).await;
            }),
            ..scene
        },
        Scene {
            name: "looks at one thing after the other",
            act: act!(hand => {
                for spot in [spots::PICTURE, spots::PRICE, spots::LEAD, "#quantity-more", spots::PICTURE, spots::CTA, spots::PRICE] {
                    hand.point_at(spot).await?;
                    hand.rest(150, 500).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "follows the lines while reading",
            act: act!(hand => {
                let reading = hand.dice.whole(4_000, 6_000);
                hand.linger(spots::LEAD, reading).await?;
            }),
            ..scene
        },
        Scene {
            name: "looks through the sizes",
            act: act!(hand => {
                for size in ["XS", "S", "M", "L", "XL", "M"] {
                    hand.point_at(&format!("label:has([name=size][value={size}])")).await?;
                    hand.rest(60, 250).await;
                }
            }),
            ..scene
        },
    ]
}
