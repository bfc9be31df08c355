//! Shoppers who know what they do: of these the page is told nothing at all.

use super::{pages, spots};
use crate::scripted::scene::Claim::Calm;
use crate::scripted::scene::{BOTH, MOUSE, Scene, act};

pub(super) fn scenes() -> Vec<Scene> {
    let scene = Scene { name: "", screens: BOTH, claim: Calm, page: pages::BACKPACK, cart: 0, act: act!(_hand => {}) };
    vec![
        Scene {
            name: "buys without a doubt",
            act: act!(hand => {
                hand.press(spots::CTA).await?;
                hand.rest(900, 1_600).await;
                hand.press(".cart-link").await?;
                hand.arrive(pages::CART).await?;
                hand.rest(900, 1_600).await;
                hand.press(spots::GO_TO_CHECKOUT).await?;
                hand.arrive(pages::CHECKOUT).await?;
                hand.rest(900, 1_600).await;
                hand.press("#fill-example").await?;
                hand.rest(900, 1_600).await;
                hand.press("#checkout button[data-waver-zone=checkout]").await?;
                hand.arrive("confirmation.html").await?;
                hand.rest(900, 1_600).await;
            }),
            ..scene
        },
        Scene {
            name: "reads a product's page to its end",
            page: pages::JACKET,
            act: act!(hand => {
                hand.linger(spots::LEAD, 2_500).await?;
                for _ in 0..5 {
                    let distance = hand.dice.real(150.0, 380.0);
                    hand.scroll(distance).await?;
                    hand.rest(900, 2_200).await;
                }
                hand.linger(spots::REVIEW, 2_500).await?;
            }),
            ..scene
        },
        Scene {
            name: "looks about in the shop",
            page: "index.html",
            act: act!(hand => {
                hand.rest(900, 1_800).await;
                hand.scroll(380.0).await?;
                hand.rest(900, 1_800).await;
                hand.open(pages::LIST).await?;
                hand.rest(900, 1_800).await;
                hand.press(".card[data-waver-item=skerry-jacket] a").await?;
                hand.arrive(pages::JACKET).await?;
                hand.rest(1_500, 2_500).await;
            }),
            ..scene
        },
        Scene {
            name: "shops by keyboard alone",
            screens: MOUSE,
            act: act!(hand => {
                // Past the links of the frame to the call to action, and by Enter into the cart.
                for _ in 0..40 {
                    hand.key("Tab").await?;
                    hand.rest(60, 160).await;
                    if hand.tab.evaluate("document.activeElement?.dataset.waverZone === 'cta'").await? == true {
                        break;
                    }
                }
                hand.rest(600, 1_200).await;
                hand.key("Enter").await?;
                hand.rest(1_200, 2_000).await;
            }),
            ..scene
        },
        Scene {
            name: "is read to by a screen reader",
            screens: MOUSE,
            act: act!(hand => {
                // A screen reader moves the focus and scrolls by itself, in no even steps, and presses without a pointer.
                for spot in ["h1", spots::PRICE, spots::LEAD, spots::REVIEW, "h1", "#also", spots::CTA] {
                    hand.tab.evaluate(&format!("document.querySelector({spot:?}).scrollIntoView({{ block: 'center' }})")).await?;
                    hand.rest(900, 1_900).await;
                }
                hand.tab.evaluate(&format!("document.querySelector({:?}).focus()", spots::CTA)).await?;
                hand.key("Enter").await?;
                hand.rest(1_200, 2_000).await;
            }),
            ..scene
        },
        Scene {
            name: "leaves the page open and does nothing",
            act: act!(hand => {
                hand.rest(9_000, 12_000).await;
            }),
            ..scene
        },
    ]
}
