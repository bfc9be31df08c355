//! Going, looking elsewhere, coming back.

use waver_schema::HesitationKind::{ExitIntent, IdleReturn, TabCompare};

use super::{pages, spots};
use crate::scripted::scene::Claim::{Fires, Silent};
use crate::scripted::scene::Sign::Hesitation;
use crate::scripted::scene::{BOTH, FINGERS, MOUSE, Scene, act};

pub(super) fn scenes() -> Vec<Scene> {
    [pauses(), tabs(), exits()].concat()
}

fn exits() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: MOUSE,
        claim: Silent(&[Hesitation(ExitIntent)]),
        page: pages::BACKPACK,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "goes for the tabs",
            claim: Fires(Hesitation(ExitIntent)),
            act: act!(hand => {
                hand.rest(2_500, 3_500).await;
                hand.point_at(spots::LEAD).await?;
                hand.rest(300, 900).await;
                let speed = hand.dice.real(0.9, 2.2);
                hand.leave_over_top(speed).await?;
                hand.rest(600, 1_200).await;
            }),
            ..scene
        },
        Scene {
            name: "throws the page to its top and turns to another app",
            screens: FINGERS,
            claim: Fires(Hesitation(ExitIntent)),
            act: act!(hand => {
                for _ in 0..3 {
                    hand.scroll(420.0).await?;
                    hand.rest(500, 1_200).await;
                }
                hand.throw_to_top().await?;
                hand.rest(700, 1_200).await;
                hand.look_elsewhere(1_500, 3_000).await?;
                hand.rest(600, 1_200).await;
            }),
            ..scene
        },
        Scene {
            name: "throws the page to its top and looks at the picture",
            screens: FINGERS,
            act: act!(hand => {
                for _ in 0..3 {
                    hand.scroll(420.0).await?;
                    hand.rest(500, 1_200).await;
                }
                hand.throw_to_top().await?;
                hand.rest(4_500, 6_000).await;
            }),
            ..scene
        },
        Scene {
            name: "leaves the window at its side",
            act: act!(hand => {
                hand.rest(2_500, 3_500).await;
                hand.point_at(spots::LEAD).await?;
                let speed = hand.dice.real(0.9, 2.2);
                hand.leave_over_side(speed).await?;
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "drifts out over the top",
            act: act!(hand => {
                hand.rest(2_500, 3_500).await;
                hand.point_at(".breadcrumb").await?;
                let speed = hand.dice.real(0.04, 0.12);
                hand.leave_over_top(speed).await?;
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "goes for the shop's own menu",
            act: act!(hand => {
                hand.rest(2_500, 3_500).await;
                hand.point_at(spots::LEAD).await?;
                hand.rest(300, 900).await;
                hand.point_at("header nav a").await?;
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "scrolls back up a little to read again",
            screens: FINGERS,
            act: act!(hand => {
                for n in 0..6 {
                    let distance = hand.dice.real(180.0, 380.0);
                    hand.scroll(if n == 3 || n == 5 { -distance } else { distance }).await?;
                    hand.rest(900, 1_800).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "throws the page to its top to see the picture again, and stays",
            screens: FINGERS,
            act: act!(hand => {
                for _ in 0..3 {
                    hand.scroll(420.0).await?;
                    hand.rest(700, 1_400).await;
                }
                hand.throw_to_top().await?;
                hand.rest(1_800, 2_800).await;
                hand.press("[data-picture='1']").await?;
                hand.rest(900, 1_800).await;
            }),
            ..scene
        },
        Scene {
            name: "goes back to the list",
            screens: BOTH,
            page: pages::LIST,
            act: act!(hand => {
                hand.rest(800, 1_500).await;
                hand.open(pages::BACKPACK).await?;
                hand.rest(3_000, 5_000).await;
                hand.tab.go_back().await?;
                hand.arrive(pages::LIST).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
    ]
}

fn tabs() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(TabCompare)]),
        page: pages::BACKPACK,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "looks something up in another tab, and again",
            claim: Fires(Hesitation(TabCompare)),
            act: act!(hand => {
                for _ in 0..3 {
                    hand.point_at(spots::PRICE).await?;
                    hand.rest(900, 1_800).await;
                    hand.look_elsewhere(5_000, 9_000).await?;
                    hand.rest(1_200, 2_000).await;
                }
            }),
            ..scene
        },
        Scene {
            name: "glances at a message in another tab",
            act: act!(hand => {
                hand.rest(1_500, 2_500).await;
                hand.look_elsewhere(600, 1_400).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
        Scene {
            name: "looks elsewhere once",
            act: act!(hand => {
                hand.rest(1_500, 2_500).await;
                hand.look_elsewhere(6_000, 9_000).await?;
                hand.rest(1_500, 2_500).await;
                hand.scroll(300.0).await?;
                hand.rest(800, 1_500).await;
            }),
            ..scene
        },
    ]
}

fn pauses() -> Vec<Scene> {
    let scene = Scene {
        name: "",
        screens: BOTH,
        claim: Silent(&[Hesitation(IdleReturn)]),
        page: pages::BACKPACK,
        cart: 0,
        act: act!(_hand => {}),
    };
    vec![
        Scene {
            name: "does nothing for minutes, and goes on",
            claim: Fires(Hesitation(IdleReturn)),
            act: act!(hand => {
                hand.point_at(spots::PICTURE).await?;
                hand.rest(9_500, 10_500).await;
                hand.scroll(120.0).await?;
                hand.rest(124_000, 130_000).await;
                hand.scroll(300.0).await?;
                hand.rest(400, 800).await;
                hand.point_at(spots::PRICE).await?;
                hand.rest(800, 1_500).await;
            }),
            ..scene
        },
        Scene {
            name: "reads with a hand at rest",
            act: act!(hand => {
                for _ in 0..3 {
                    hand.rest(6_000, 11_000).await;
                    let distance = hand.dice.real(200.0, 400.0);
                    hand.scroll(distance).await?;
                }
                hand.rest(1_000, 2_000).await;
            }),
            ..scene
        },
    ]
}
